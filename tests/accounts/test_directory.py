"""The accounts of an installation."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.errors import InputError, MailwardError, PasswordRefused, StoreError
from mailward.sasl.scram import DEFAULT_ITERATIONS, derive_keys
from mailward.secret import Secret
from mailward.wire.address import Mailbox
from tests.accounts.conftest import ANN, CANARY, OTHER, Installation


def test_an_account_is_found_in_every_case(accounts: Accounts, cheap_hasher: Hasher) -> None:
    """What was added is there, with a verifier and SCRAM keys of the same password."""
    added = accounts.add("Ann@Example.test", Secret(CANARY))

    for name in ("ann@example.test", "ANN@EXAMPLE.TEST", "Ann@Example.test"):
        assert accounts.find(name) == added
    assert (added.name, added.senders) == ("ann@example.test", ("ann@example.test",))
    assert (added.created, added.changed) == (100.0, 100.0)
    assert cheap_hasher.verify(added.passwords[0].verifier, Secret(CANARY))
    assert added.passwords[0].scram == derive_keys(CANARY, added.scram_salt, DEFAULT_ITERATIONS)


@pytest.mark.parametrize("name", ["bob@example.test", "", "a\x00b", "user\u202e", "x" * 9999])
def test_nobody_is_nobody(accounts: Accounts, name: str) -> None:
    """An unknown name and one that can be none are found alike."""
    assert accounts.find(name) is None


def test_another_process_sees_it_at_once(installation: Installation, cheap_hasher: Hasher) -> None:
    """Added, changed and removed elsewhere counts at the next login here."""
    other = Installation(installation.database.path, cheap_hasher)
    other.accounts.add("ann@example.test", Secret(CANARY))
    first = installation.accounts.find("ann@example.test")
    other.accounts.set_password("ann@example.test", Secret(OTHER))
    second = installation.accounts.find("ann@example.test")
    other.accounts.remove("ann@example.test")
    third = installation.accounts.find("ann@example.test")
    other.close()

    assert first is not None
    assert second is not None
    assert cheap_hasher.verify(first.passwords[0].verifier, Secret(CANARY))
    assert cheap_hasher.verify(second.passwords[0].verifier, Secret(OTHER))
    assert third is None


def test_a_new_password_replaces_the_old_one(installation: Installation, cheap_hasher: Hasher) -> None:
    """For PLAIN and for SCRAM, with the same salt; creation and senders stay."""
    accounts = installation.accounts
    before = accounts.add("ann@example.test", Secret(CANARY), senders=["sales@example.test"])
    installation.clock = 200.0
    accounts.set_password("ANN@example.test", Secret(OTHER))
    after = accounts.find("ann@example.test")

    assert after is not None
    assert not cheap_hasher.verify(after.passwords[0].verifier, Secret(CANARY))
    assert len(after.passwords) == 1
    assert after.scram_salt == before.scram_salt
    assert after.passwords[0].scram == derive_keys(OTHER, before.scram_salt, DEFAULT_ITERATIONS)
    assert [each.id for each in after.old] == [before.passwords[0].id]
    assert (after.created, after.changed, after.senders) == (100.0, 200.0, before.senders)


def test_senders(accounts: Accounts) -> None:
    """Its own address always; others when listed; a plain name only what is listed."""
    ann = accounts.add("ann@example.test", Secret(CANARY), senders=["Sales@Example.test", "sales@example.test"])
    plain = accounts.add("plain", Secret(CANARY))
    scanner = accounts.add("scanner", Secret(CANARY), senders=["ann@example.test", "Scans@BÜCHER.example"])

    assert ann.senders == ("ann@example.test", "sales@example.test")
    assert plain.senders == ()
    assert scanner.senders == ("ann@example.test", "scans@xn--bcher-kva.example")
    assert accounts.listing() == (ann, plain, scanner)
    found = accounts.find("scanner")
    assert found is not None
    assert found.may_send_as(Mailbox.parse("SCANS@bücher.example"))


def test_a_name_is_given_once(accounts: Accounts, cheap_hasher: Hasher) -> None:
    """Adding it again, in any case, changes nothing and says so."""
    accounts.add("ann@example.test", Secret(CANARY))

    with pytest.raises(InputError, match=r"there is an account 'ann@example.test' already") as caught:
        accounts.add("Ann@Example.test", Secret(OTHER))
    found = accounts.find("ann@example.test")
    assert found is not None
    assert cheap_hasher.verify(found.passwords[0].verifier, Secret(CANARY))
    assert "passwd" in caught.value.advice


def test_an_unknown_name_brings_the_nearest(accounts: Accounts) -> None:
    """Changing or removing nobody's account names whose it may have been."""
    accounts.add("ann@example.test", Secret(CANARY))

    changes: list[Callable[[], None]] = [
        lambda: accounts.remove("anne@example.test"),
        lambda: accounts.set_password("anne@example.test", Secret(OTHER)),
    ]
    for change in changes:
        with pytest.raises(InputError, match=r"no account 'anne@example.test'; is it 'ann@example.test'\?"):
            change()
    with pytest.raises(InputError, match=r"no account 'zzz'$"):
        accounts.remove("zzz")


def test_a_weak_password_is_refused_with_every_reason(accounts: Accounts) -> None:
    """The policy knows the account, the host and the words; nothing is stored, and a change is refused alike."""
    with pytest.raises(PasswordRefused) as caught:
        accounts.add("annabel@example.test", Secret("annabel mx9"), hostname="mx9.example.test")
    assert len(caught.value.reasons) >= 3
    assert accounts.listing() == ()

    accounts.add("annabel@example.test", Secret(CANARY))
    with pytest.raises(PasswordRefused):
        accounts.set_password("annabel@example.test", Secret("annabel"))


@pytest.mark.parametrize("name,senders", [("a\x00b", []), ("a b", []), ("ann@", []), ("ann", ["nobody"])])
def test_bad_names_are_refused(accounts: Accounts, name: str, senders: list[str]) -> None:
    """Neither an account nor a sender comes of a name that is none."""
    with pytest.raises(InputError):
        accounts.add(name, Secret(CANARY), senders=senders)
    assert accounts.listing() == ()


def _damage(connection: sqlite3.Connection, *, senders: str) -> None:
    connection.execute("UPDATE accounts SET senders = ? WHERE name = 'ann'", (senders,))


def test_quoted_names_are_found_and_removed(accounts: Accounts) -> None:
    """A mailbox that must be quoted is an account like any other: its key reads as itself."""
    added = accounts.add('"Ann X"@example.test', Secret(CANARY))

    assert added.name == '"ann x"@example.test'
    assert added.may_send_as(Mailbox.parse('"ANN X"@example.test'))
    assert accounts.find(added.name) == accounts.find_key(added.name) == added
    accounts.remove(added.name)
    assert accounts.listing() == ()


def test_a_key_is_looked_up_as_it_is(accounts: Accounts) -> None:
    """`find_key` takes the canonical name and makes no other of it."""
    added = accounts.add("ann@example.test", Secret(CANARY))

    assert accounts.find_key("ann@example.test") == added
    assert accounts.find_key("ANN@example.test") is None


def test_damaged_senders_are_a_store_error(installation: Installation) -> None:
    """A row that was tampered with is told, not guessed at."""
    installation.accounts.add("ann", Secret(CANARY))
    for damage in ("{", "7", "null"):
        installation.writer.run(partial(_damage, senders=damage))
        with pytest.raises(StoreError, match="senders of the account 'ann' are damaged"):
            installation.accounts.find("ann")


def test_no_secret_is_shown_or_stored(installation: Installation) -> None:
    """Neither the database, nor an account, nor an error with its frames holds the password."""
    accounts = installation.accounts
    shown = [repr(accounts.add("ann@example.test", Secret(CANARY)))]
    refused: list[Callable[[], object]] = [
        lambda: accounts.add("ann@example.test", Secret(CANARY)),
        lambda: accounts.add("canary@example.test", Secret(f"{CANARY}\x00")),
        lambda: accounts.set_password("bob@example.test", Secret(CANARY)),
    ]
    for add in refused:
        with pytest.raises(MailwardError) as caught:
            add()
        shown.append("".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()))
    installation.writer.close()
    stored = b"".join(path.read_bytes() for path in installation.database.path.parent.iterdir())

    found = [line for text in shown for line in text.splitlines() if CANARY in line]
    assert found == []
    assert CANARY.encode() not in stored
    assert b"ann@example.test" in stored


def test_all_that_is_given_is_changed(accounts: Accounts) -> None:
    """Networks instead of those before, senders besides and without; the rest stays."""
    accounts.add(ANN, Secret(CANARY), senders=["sales@example.test"])

    changed = accounts.change(
        "ANN@example.test",
        allow_from=["192.0.2.0/24", "2001:db8::/32", "192.0.2.0/24"],
        senders=["Info@example.test"],
        without_senders=["SALES@example.test"],
        second_factor=True,
        must_change=True,
    )
    assert changed == accounts.find(ANN)
    assert changed.allow_from == ("192.0.2.0/24", "2001:db8::/32")
    assert changed.senders == (ANN, "info@example.test")
    assert (changed.disabled, changed.second_factor, changed.must_change) == (False, True, True)
    assert accounts.change(ANN, allow_from=()).allow_from == ()
    assert accounts.change(ANN, disabled=True, must_change=False).second_factor


def test_a_bad_change_changes_nothing(accounts: Accounts) -> None:
    """One bad value, and the good ones beside it are not taken either."""
    before = accounts.add(ANN, Secret(CANARY))

    for network in ("300.0.0.1", "192.0.2.7/24", "", "fe80::1%eth0/64x"):
        with pytest.raises(InputError):
            accounts.change(ANN, disabled=True, allow_from=[network])
    with pytest.raises(InputError):
        accounts.change(ANN, disabled=True, senders=["nobody"])
    with pytest.raises(InputError, match="more than 256 networks"):
        accounts.change(ANN, allow_from=[f"10.0.{number}.0/24" for number in range(255)] + ["::1", "::2"])
    with pytest.raises(InputError, match=r"is it 'ann@example.test'\?"):
        accounts.change("anne@example.test", disabled=True)
    assert accounts.find(ANN) == before


def test_what_ends_sessions_is_seen(accounts: Accounts) -> None:
    """`changed` grows with all that must end a session, also within one moment; with senders it stays."""
    seen = [accounts.add(ANN, Secret(CANARY)).changed]

    seen.append(accounts.change(ANN, disabled=True).changed)
    seen.append(accounts.change(ANN, disabled=False).changed)
    seen.append(accounts.change(ANN, allow_from=["192.0.2.0/24"]).changed)
    accounts.set_password(ANN, Secret(OTHER))
    seen.append(accounts.existing(ANN).changed)
    made, _ = accounts.add_app_password(ANN, "phone")
    assert accounts.existing(ANN).changed == seen[-1]
    accounts.revoke_app_password(ANN, made.id)
    seen.append(accounts.existing(ANN).changed)

    assert seen == sorted(set(seen))
    assert accounts.change(ANN, senders=["info@example.test"]).changed == seen[-1]


def test_a_use_is_noted_once_an_hour(installation: Installation) -> None:
    """The first one and those an hour later; never for somebody else's credential."""
    accounts = installation.accounts
    number = accounts.add(ANN, Secret(CANARY)).passwords[0].id
    accounts.add("bob", Secret(OTHER))

    def noted(name: str, now: float) -> float | None:
        accounts.used(name, number, now)
        return accounts.existing(ANN).passwords[0].last_used

    assert noted("bob", 50.0) is None
    assert [noted(ANN, now) for now in (100.0, 3699.0, 3700.0, 200.0)] == [100.0, 100.0, 3700.0, 3700.0]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40) | st.from_regex(r"\A[\w.+-]{1,20}@[a-z]{1,8}\.test\Z"))
def test_any_name_is_found_or_refused(accounts: Accounts, name: str) -> None:
    """Whatever is asked for: no exception for a look-up, InputError for a change, and nothing stored."""
    assert accounts.find(name) is None
    with pytest.raises(InputError):
        accounts.change(name, disabled=True)
    assert accounts.listing() == ()
