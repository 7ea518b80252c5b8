"""Changing passwords: by the operator, by the owner, and with two for a while."""

from __future__ import annotations

import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.accounts.password_changes import recalls
from mailward.accounts.rotation import DAY, Overlap
from mailward.accounts.rules import PasswordRules
from mailward.accounts.standing import standing
from mailward.errors import BadCredentials, InputError, MailwardError, PasswordRefused
from mailward.events import Reason
from mailward.secret import Secret
from tests.accounts.conftest import ANN, CANARY, OTHER, THIRD, Installation

FOURTH = "otter-7k2m-canvas-93rt-willow"
AGING = PasswordRules.of("nist", maximum_age_days=90, minimum_age_days=2, warn_days=14, grace_days=7, history=3)


def right(accounts: Accounts, hasher: Hasher) -> list[str]:
    """Which of the passwords are taken, the newest first."""
    found = accounts.existing(ANN).passwords
    return [
        password for each in found for password in (CANARY, OTHER, THIRD, FOURTH)
        if hasher.verify(each.verifier, Secret(password))
    ]  # fmt: skip


def test_no_password_comes_back_too_soon(installation: Installation) -> None:
    """Neither the present one nor one of the last three, whoever sets it; the one before those may."""
    accounts = installation.opened(rules=PasswordRules.of("nist", history=3))
    accounts.add(ANN, Secret(CANARY))
    for password in (OTHER, THIRD):
        accounts.set_password(ANN, Secret(password))

    for earlier in (CANARY, OTHER, THIRD):
        with pytest.raises(PasswordRefused) as caught:
            accounts.set_password(ANN, Secret(earlier))
        assert caught.value.reasons == ("it was one of the last 3 here; choose one that is new",)
    accounts.set_password(ANN, Secret(FOURTH))
    accounts.set_password(ANN, Secret(CANARY))


def test_an_imported_verifier_counts_for_the_history(installation: Installation) -> None:
    """Without SCRAM keys to compare, the verifier itself is asked."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    installation.writer.run(
        lambda connection: connection.execute("UPDATE credentials SET stored_key = NULL, server_key = NULL").rowcount
    )

    assert accounts.existing(ANN).passwords[0].scram is None
    with pytest.raises(PasswordRefused, match="one of the last 5"):
        accounts.set_password(ANN, Secret(CANARY))


def test_few_old_ones_are_kept(installation: Installation) -> None:
    """As many as the history needs, and at least five to be recognised by; not for ever."""
    accounts = installation.opened(rules=PasswordRules.of("nist", history=0))
    accounts.add(ANN, Secret(CANARY))
    for number in range(8):
        accounts.set_password(ANN, Secret(f"{OTHER} and {number} more"))

    account = accounts.existing(ANN)
    assert len(account.old) == 5
    recalled = recalls(account, Secret(f"{OTHER} and 6 more"))
    assert recalled == account.old[0]
    assert recalls(account, Secret(CANARY)) is None
    assert recalls(account, Secret("\x00")) is None
    assert standing(account, account.old[0], 0.0) is Reason.STALE


def test_the_owner_changes_it(installation: Installation, cheap_hasher: Hasher) -> None:
    """With the present one; every reason of the policy, the history and the minimum age comes at once."""
    accounts = installation.opened(rules=AGING)
    accounts.add(ANN, Secret(CANARY))
    installation.clock += DAY
    with pytest.raises(PasswordRefused) as caught:
        accounts.change_own(ANN, Secret(CANARY), Secret("short"))
    assert "too new to be changed; from 1970-01-03 00:01 UTC" in caught.value.reasons[0]
    assert len(caught.value.reasons) >= 3
    with pytest.raises(PasswordRefused, match="one of the last 3"):
        accounts.change_own(ANN, Secret(CANARY), Secret(CANARY))
    installation.clock += DAY
    accounts.change_own("ANN@example.test", Secret(CANARY), Secret(OTHER))

    assert right(accounts, cheap_hasher) == [OTHER]


def test_the_present_one_is_never_the_new_one(installation: Installation) -> None:
    """Where the rules ask for no history, a change by the owner is a change all the same."""
    accounts = installation.opened(rules=PasswordRules.of("nist", history=0))
    accounts.add(ANN, Secret(CANARY))

    with pytest.raises(PasswordRefused, match="it is the present one"):
        accounts.change_own(ANN, Secret(CANARY), Secret(CANARY))
    accounts.set_password(ANN, Secret(CANARY))


@pytest.mark.parametrize("name", [ANN, "bob@example.test", "locked@example.test", "", "a\x00b"])
def test_who_cannot_prove_it_changes_nothing(accounts: Accounts, name: str) -> None:
    """A wrong password, nobody's account and a locked one are told alike, with no word about the new password."""
    accounts.add(ANN, Secret(CANARY))
    accounts.add("locked@example.test", Secret(OTHER))
    accounts.change("locked@example.test", disabled=True)
    before = accounts.listing()

    with pytest.raises(BadCredentials, match=r"^the present password is wrong$"):
        accounts.change_own(name, Secret(OTHER), Secret("short"))
    assert accounts.listing() == before


def test_a_forced_change(installation: Installation, cheap_hasher: Hasher) -> None:
    """It logs in no more, and is good for changing it only, whatever its age; then all is well again."""
    accounts = installation.opened(rules=AGING)
    accounts.add(ANN, Secret(CANARY))
    forced = accounts.change(ANN, must_change=True)
    assert standing(forced, forced.passwords[0], 0.0) is Reason.EXPIRED

    accounts.change_own(ANN, Secret(CANARY), Secret(OTHER))
    account = accounts.existing(ANN)
    assert right(accounts, cheap_hasher) == [OTHER]
    assert standing(account, account.passwords[0], installation.clock) is None


def test_past_its_time(installation: Installation) -> None:
    """Taken and told in the grace, then not taken, and still good for changing it."""
    accounts = installation.opened(rules=AGING)
    password = accounts.add(ANN, Secret(CANARY)).passwords[0]
    account = accounts.existing(ANN)
    days = {day: (standing(account, password, 100.0 + day * DAY), password.in_grace(100.0 + day * DAY))
            for day in (89, 91, 96, 97)}  # fmt: skip

    assert days == {89: (None, False), 91: (None, True), 96: (None, True), 97: (Reason.EXPIRED, False)}
    installation.clock += 200 * DAY
    accounts.change_own(ANN, Secret(CANARY), Secret(OTHER))
    fresh = accounts.existing(ANN)
    assert standing(fresh, fresh.passwords[0], installation.clock) is None


def test_two_passwords_for_a_while(installation: Installation, cheap_hasher: Hasher) -> None:
    """Both are taken under one salt, no session ends, and a third one ends the first."""
    accounts = installation.accounts
    before = accounts.add(ANN, Secret(CANARY))
    until = accounts.rotate(ANN, Secret(OTHER), days=10)
    account = accounts.existing(ANN)

    assert until == 100.0 + 10 * DAY
    assert right(accounts, cheap_hasher) == [OTHER, CANARY]
    assert account.changed == before.changed
    assert (account.passwords[0].expires, account.passwords[1].expires) == (None, until)
    assert {each.scram.salt for each in account.passwords if each.scram} == {account.scram_salt}
    assert standing(account, account.passwords[1], until - 1) is None
    assert standing(account, account.passwords[1], until) is Reason.EXPIRED
    accounts.rotate(ANN, Secret(THIRD))
    assert right(accounts, cheap_hasher) == [THIRD, OTHER]
    assert accounts.existing(ANN).changed > before.changed


def test_an_overlap_is_ended(installation: Installation, cheap_hasher: Hasher) -> None:
    """By the operator; a second time there is nothing to end. The password is old from then on."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    accounts.rotate(ANN, Secret(OTHER))

    assert [accounts.retire(ANN), accounts.retire(ANN)] == [True, False]
    assert right(accounts, cheap_hasher) == [OTHER]
    assert recalls(accounts.existing(ANN), Secret(CANARY)) is not None
    for days in (0, 366):
        with pytest.raises(InputError, match="1 to 365 days"):
            accounts.rotate(ANN, Secret(THIRD), days=days)


def test_a_change_ends_both(installation: Installation, cheap_hasher: Hasher) -> None:
    """The owner may prove it with either; afterwards there is one, and neither of the two may be the new one."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    accounts.rotate(ANN, Secret(OTHER))
    with pytest.raises(PasswordRefused):
        accounts.change_own(ANN, Secret(OTHER), Secret(CANARY))
    accounts.change_own(ANN, Secret(CANARY), Secret(THIRD))

    assert right(accounts, cheap_hasher) == [THIRD]


def test_what_had_to_be_changed_does_not_overlap(accounts: Accounts, cheap_hasher: Hasher) -> None:
    """Perhaps it is in the wrong hands: rotation does not bring it back."""
    accounts.add(ANN, Secret(CANARY))
    accounts.change(ANN, must_change=True)
    accounts.rotate(ANN, Secret(OTHER))

    assert right(accounts, cheap_hasher) == [OTHER]
    assert not accounts.existing(ANN).must_change


def test_the_silent_one_is_retired(installation: Installation, cheap_hasher: Hasher) -> None:
    """A week after its last use, or at the end of the overlap, and not before; once, and told why."""
    accounts = installation.opened(overlap=Overlap(days=10, silent_days=7))
    first = accounts.add(ANN, Secret(CANARY)).passwords[0].id
    accounts.rotate(ANN, Secret(OTHER))
    begun = installation.clock
    accounts.used(ANN, first, begun + 2 * DAY)

    assert accounts.retire_silent(begun + 8 * DAY) == ()
    assert accounts.retire_silent(begun + 9 * DAY) == ((ANN, "silent"),)
    assert accounts.retire_silent(begun + 9 * DAY) == ()
    assert right(accounts, cheap_hasher) == [OTHER]
    second = accounts.existing(ANN).passwords[0].id
    accounts.rotate(ANN, Secret(THIRD))
    accounts.used(ANN, second, begun + 9 * DAY)
    assert accounts.retire_silent(begun + 10 * DAY) == ((ANN, "overlap-over"),)
    assert right(accounts, cheap_hasher) == [THIRD]


def test_each_stage_is_told_once(installation: Installation) -> None:
    """By one of the workers; a new password begins anew."""
    accounts, other = installation.opened(rules=AGING), installation.opened(rules=AGING)
    accounts.add(ANN, Secret(CANARY))
    accounts.add("bob", Secret(OTHER))
    accounts.change("bob", disabled=True)

    def told(day: float) -> list[tuple[int, int]]:
        found = accounts.expiring(100.0 + day * DAY)
        return [(each.stage, each.days) for each in found if other.warned(each) and not accounts.warned(each)]

    assert [told(day) for day in (10, 76, 77, 83, 90, 96, 97)] == [[], [(14, 21)], [], [(7, 14)], [(0, 7)], [], []]
    installation.clock += 90 * DAY
    accounts.set_password(ANN, Secret(THIRD))
    installation.clock += 1
    assert [each.account for each in accounts.expiring(100.0 + 166 * DAY)] == [ANN]
    assert installation.accounts.expiring(1e12) == ()


def test_a_better_verifier(installation: Installation, cheap_hasher: Hasher) -> None:
    """The same password under present parameters, with the SCRAM keys it lacked; no session ends for it."""
    accounts = installation.accounts
    before = accounts.add(ANN, Secret(CANARY))
    number = before.passwords[0].id
    installation.writer.run(
        lambda connection: connection.execute("UPDATE credentials SET stored_key = NULL, server_key = NULL").rowcount
    )

    assert accounts.rehash(ANN, number, Secret(CANARY))
    after = accounts.existing(ANN)
    assert after.passwords[0].verifier != before.passwords[0].verifier
    assert cheap_hasher.verify(after.passwords[0].verifier, Secret(CANARY))
    assert after.passwords[0].scram == before.passwords[0].scram
    assert replace(after, passwords=()) == replace(before, passwords=())
    app, made = accounts.add_app_password(ANN, "phone")
    assert not accounts.rehash(ANN, app.id, made)
    assert not accounts.rehash("bob", number, Secret(CANARY))


def test_who_comes_second_changes_nothing(installation: Installation, cheap_hasher: Hasher) -> None:
    """A change that was decided on what another one has replaced meanwhile is refused, and may be tried again."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    hash_ = cheap_hasher.hash

    class Overtaken(Hasher):
        def hash(self, password: Secret) -> str:
            accounts.set_password(ANN, Secret(OTHER))
            return hash_(password)

    slow = Overtaken(workers=1, memory_kib=8, time_cost=1)
    late = Accounts(installation.database.reader(), installation.writer.run, hasher=slow, now=lambda: 200.0)
    with pytest.raises(InputError, match="changed by somebody else") as caught:
        late.change_own(ANN, Secret(CANARY), Secret(THIRD))
    slow.close()

    assert caught.value.retryable
    assert right(accounts, cheap_hasher) == [OTHER]


ROTATE = """
import sys, time
from pathlib import Path
from mailward.accounts.hasher import Hasher
from mailward.errors import InputError, PasswordRefused
from mailward.secret import Secret
from tests.accounts.conftest import Installation
place = Installation(Path(sys.argv[1]), Hasher(workers=1, memory_kib=8, time_cost=1))
done = 0
for number in range(6):
    try:
        place.accounts.rotate("ann@example.test", Secret(f"purple umbrella {sys.argv[2]} dentist {number}"))
        done += 1
    except InputError as error:
        assert error.retryable, error
place.close()
print(done)
"""


@pytest.mark.e2e
def test_two_processes_rotate_at_once(installation: Installation) -> None:
    """Each change is whole or refused: one current, one before it, as many old ones as there were changes."""
    installation.accounts.add(ANN, Secret(CANARY))
    command = [sys.executable, "-c", ROTATE, str(installation.database.path)]
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([*command, word], stdout=subprocess.PIPE, cwd=root) for word in ("left", "right")]
    done = sum(int(process.communicate(timeout=60)[0]) for process in running)

    account = installation.accounts.existing(ANN)
    assert done >= 6
    assert len(account.passwords) == 2
    assert len(account.old) == min(5, done - 1)
    assert account.passwords[0].id > account.passwords[1].id > account.old[0].id


def test_no_secret_is_shown_or_stored(installation: Installation) -> None:
    """Neither an error with its frames nor the database holds an old or a new password."""
    accounts = installation.opened(rules=AGING)
    accounts.add(ANN, Secret(CANARY))
    shown = []
    attempts = [(Secret(CANARY), Secret(f"{CANARY}\x00")), (Secret(OTHER), Secret(CANARY)), (Secret(CANARY),) * 2]
    for old, new in attempts:
        with pytest.raises(MailwardError) as caught:
            accounts.change_own(ANN, old, new)
        shown.append("".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()))
    installation.clock += 5 * DAY
    accounts.change_own(ANN, Secret(CANARY), Secret(OTHER))
    installation.writer.close()
    stored = b"".join(path.read_bytes() for path in installation.database.path.parent.iterdir())

    lines = [line for text in shown for line in text.splitlines()]
    assert [line for line in lines if "canary-horse" in line or "umbrella" in line] == []
    assert CANARY.encode() not in stored
    assert OTHER.encode() not in stored
