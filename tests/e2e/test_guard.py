"""Guessing at a running server: what each guess costs, whom it shuts out and whom not, and that all of it is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, STARTTLS, until
from tests.support.mailward_server import MailwardServer
from tests.support.talk import Answer, Ended, Talk

pytestmark = pytest.mark.e2e

ATTACKER, HOME, STRANGER = "127.0.0.66", "127.0.0.5", "127.0.0.7"
TIGHT = {"source_failures": 5, "distinct_wrong_passwords_per_account": 8, "delay_first": 0.05, "delay_most": 0.2}
AT_ONCE = TIGHT | {"delay_first": 0.0, "delay_most": 0.0}
OTHER_PASSWORD = "brown herons wait at dusk"
ATTEMPTS = ("login.succeeded", "login.failed", "login.refused")
Way = Callable[[Talk, str, str], Answer]


def plain(talk: Talk, user: str, password: str) -> Answer:
    return talk.plain(user, password)


def scram(talk: Talk, user: str, password: str) -> Answer:
    return talk.scram(user, password)


def connect(server: MailwardServer, source: str) -> Talk:
    talk = Talk(server.ports[IMPLICIT], tls=server.trust, source=source)
    talk.ehlo()
    return talk


def once(server: MailwardServer, source: str, password: str, *, user: str = ANN, way: Way = plain) -> Answer:
    """One attempt on a connection of its own."""
    with connect(server, source) as talk:
        return way(talk, user, password)


def guess(server: MailwardServer, source: str, passwords: list[str], *, user: str = ANN) -> list[tuple[Answer, float]]:
    """Each password in turn, over as many connections as it takes: the answer, and how long it was held back."""
    outcomes: list[tuple[Answer, float]] = []
    while len(outcomes) < len(passwords):
        with connect(server, source) as talk:
            try:
                for password in passwords[len(outcomes) :]:
                    begin = time.monotonic()
                    answer = talk.plain(user, password)
                    outcomes.append((answer, time.monotonic() - begin))
            except (Ended, OSError):
                continue
    return outcomes


def wrong(number: int) -> list[str]:
    return [f"wrong {each}" for each in range(number)]


def attempts(server: MailwardServer, number: int) -> list[dict[str, Any]]:
    """The attempts that were told, when so many are."""
    return until(lambda: told if len(told := server.events(*ATTEMPTS)) >= number else [])


def test_delayed_then_refused(tmp_path: Path) -> None:
    """Wrong passwords are answered later each time; the fifth is the last that is looked at, and 454 follows."""
    with MailwardServer(tmp_path, guard=TIGHT) as server:
        outcomes = guess(server, ATTACKER, [*wrong(5), "wrong 5", PASSWORD])
        elsewhere = once(server, STRANGER, PASSWORD)
        told = attempts(server, 8)
        (ban,) = server.events("ban.added")

    codes = [answer.code for answer, _ in outcomes]
    assert codes == [535] * 5 + [454] * 2
    assert str(outcomes[5][0]).startswith("454 4.7.0")
    least = (0.05, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2)
    assert all(seconds >= delay for (_, seconds), delay in zip(outcomes, least, strict=True))
    assert outcomes[0][1] < 0.2
    assert elsewhere.code == 235
    assert [event["reason"] for event in told] == ["bad-password"] * 5 + ["banned"] * 2 + [None]
    assert (ban["subject"], ban["reason"]) == (f"ip:{ATTACKER}", "source-failures")
    assert [round(event["delay"], 2) for event in told[:5]] == [0.05, 0.1, 0.2, 0.2, 0.2]


def test_three_failures_end_a_connection(tmp_path: Path) -> None:
    """The third wrong password is the connection's last word, at each door."""
    with MailwardServer(
        tmp_path, guard=AT_ONCE | {"source_failures": 50, "distinct_wrong_passwords_per_account": 32}
    ) as server:
        for door in (IMPLICIT, STARTTLS):
            with Talk(server.ports[door], tls=server.trust if door == IMPLICIT else None) as talk:
                talk.ehlo()
                if door == STARTTLS:
                    talk.starttls(server.trust)
                    talk.ehlo()
                assert [talk.plain(ANN, f"{door} {number}").code for number in range(3)] == [535] * 3
                assert talk.ended()


def test_same_wrong_password_counts_once(tmp_path: Path) -> None:
    """A telephone with an old password is never shut out: the same wrong password again is told, and not counted."""
    with MailwardServer(tmp_path, guard=AT_ONCE) as server:
        outcomes = guess(server, HOME, ["old password"] * 12)
        told = attempts(server, 12)
        right = once(server, HOME, PASSWORD)

        assert [answer.code for answer, _ in outcomes] == [535] * 12
        assert [event["repeated"] for event in told] == [False] + [True] * 11
        assert right.code == 235
        assert server.events("ban.added") == []


def test_known_source_keeps_its_way_in(tmp_path: Path) -> None:
    """When strangers have locked an account, who logged in to it before still does, and no stranger does."""
    with MailwardServer(tmp_path, guard=AT_ONCE, accounts={ANN: PASSWORD, BOB: OTHER_PASSWORD}) as server:
        assert once(server, HOME, PASSWORD).code == 235
        for number in range(8):
            assert once(server, f"127.0.1.{number + 1}", f"wrong {number}").code == 535
        codes = {
            "stranger": once(server, STRANGER, PASSWORD).code,
            "stranger's proof": once(server, STRANGER, PASSWORD, way=scram).code,
            "home": once(server, HOME, PASSWORD).code,
            "home's proof": once(server, HOME, PASSWORD, way=scram).code,
            "another account": once(server, STRANGER, OTHER_PASSWORD, user=BOB).code,
        }
        told = attempts(server, 14)
        (ban,) = server.events("ban.added")

    assert codes == {
        "stranger": 454,
        "stranger's proof": 454,
        "home": 235,
        "home's proof": 235,
        "another account": 235,
    }
    assert (ban["subject"], ban["reason"]) == (f"account:{ANN}", "account-failures")
    assert [event["reason"] for event in told if event["source"] == STRANGER] == ["locked", "locked", None]


def test_spraying_ends_at_the_source(tmp_path: Path) -> None:
    """One source that tries one password on many accounts, known or not, is shut out like any other guesser."""
    with MailwardServer(tmp_path, guard=AT_ONCE) as server:
        names = [ANN, *(f"user{number}@example.test" for number in range(5))]
        codes = [once(server, ATTACKER, "Summer2026!", user=name).code for name in names]
        told = attempts(server, 6)

    assert codes == [535] * 5 + [454]
    assert [event["reason"] for event in told] == ["bad-password", *["unknown-account"] * 4, "banned"]


@pytest.mark.parametrize("way", [plain, scram])
def test_failures_look_alike(tmp_path: Path, way: Way) -> None:
    """Wrong password, unknown account, right password from outside the allowlist: one reply, in about one time."""
    allowlist = {"networks": [f"{HOME}/32", "127.0.1.0/24"]}
    with MailwardServer(tmp_path, guard=AT_ONCE, allowlist=allowlist) as server:
        cases = {
            "bad-password": ("127.0.1.1", ANN, "wrong"),
            "unknown-account": ("127.0.1.2", "nobody@example.test", PASSWORD),
            "not-allowed": (STRANGER, ANN, PASSWORD),
        }
        answers, seconds = {}, {}
        for reason, (source, user, password) in cases.items():
            with connect(server, source) as talk:
                begin = time.monotonic()
                answers[reason] = way(talk, user, password)
                seconds[reason] = time.monotonic() - begin
        told = attempts(server, 3)
        assert once(server, HOME, PASSWORD, way=way).code == 235

    assert set(answers.values()) == {(535, ("5.7.8 Authentication failed",))}
    assert [event["reason"] for event in told] == list(cases)
    assert [event["type"] for event in told] == ["login.failed"] * 3
    assert max(seconds.values()) < 20 * min(seconds.values()) + 0.2, "statistics are for another test"


def test_allowlist_in_mapped_form(tmp_path: Path) -> None:
    """S62: a network written v4-mapped is refused with the right form, exit 2; written so it lets in whom it names."""
    server = MailwardServer(tmp_path, guard=AT_ONCE, allowlist={"networks": [f"::ffff:{HOME}/128"]})
    server.launch()
    assert server.process.wait(10) == 2
    assert f'write "{HOME}/32"' in server.complaints
    server.section("allowlist", networks=[f"{HOME}/32"])
    server.kill()
    with server:
        assert once(server, HOME, PASSWORD).code == 235
        assert once(server, STRANGER, PASSWORD).code == 535


def test_outsiders_lock_nobody_out(tmp_path: Path) -> None:
    """Guesses from outside the allowlist shut out outsiders only; those who may log in do not notice."""
    with MailwardServer(tmp_path, guard=AT_ONCE, allowlist={"networks": ["127.0.0.0/24"]}) as server:
        for number in range(10):
            once(server, f"127.0.9.{number + 1}", f"wrong {number}")

        assert once(server, STRANGER, PASSWORD).code == 235
        assert [
            event["subject"] for event in server.events("ban.added") if event["subject"].startswith("account")
        ] == []


def test_every_attempt_is_one_event(tmp_path: Path) -> None:
    """Whatever was tried, file and database tell the same events, one for each attempt, in full."""
    with MailwardServer(tmp_path, guard=AT_ONCE) as server:
        guess(server, ATTACKER, wrong(7))
        once(server, HOME, PASSWORD)
        once(server, HOME, PASSWORD, way=scram)
        once(server, HOME, "wrong proof", way=scram)
        once(server, HOME, PASSWORD, user="nobody@example.test")
        with connect(server, HOME) as talk:
            assert talk.say("AUTH LOGIN").code == 334
            assert talk.say("*").code == 501
            assert talk.say("AUTH PLAIN AGE=").code == 535
        attempts(server, 13)
        printed = server.listing_lines("events")

    told = server.events(*ATTEMPTS)
    assert len(told) == 13
    assert server.recorded() == server.events() == printed
    for event in told:
        assert list(event)[:8] == ["type", "time", "source", "account", "mechanism", "reason", "listener", "session"]
        assert event["listener"] == f"127.0.0.1:{server.ports[IMPLICIT]}"
        assert event["session"]
        assert event["mechanism"] in {"PLAIN", "LOGIN", "SCRAM-SHA-256"}
    assert [event["reason"] for event in told] == [
        *["bad-password"] * 5,
        *["banned"] * 2,
        *[None] * 2,
        "bad-password",
        "unknown-account",
        "cancelled",
        "bad-exchange",
    ]


def test_bans_survive_and_are_lifted(tmp_path: Path) -> None:
    """A ban holds over a stop and over a kill; `bans list` shows it; `bans remove` lifts it on the running server."""
    with MailwardServer(tmp_path, guard=AT_ONCE) as server:
        guess(server, ATTACKER, wrong(5))
        assert once(server, ATTACKER, PASSWORD).code == 454
        until(lambda: server.recorded("ban.added"))
        server.stop()
        server.start()
        assert once(server, ATTACKER, PASSWORD).code == 454
        server.kill()
        server.start()
        assert once(server, ATTACKER, PASSWORD).code == 454

        (ban,) = server.listing("bans", "list")
        assert (ban["subject"], ban["reason"]) == (f"ip:{ATTACKER}", "source-failures")
        assert server.listing("bans", "remove", ATTACKER) == {"subject": f"ip:{ATTACKER}", "removed": True}
        assert once(server, ATTACKER, PASSWORD).code == 235
        assert server.listing("bans", "list") == []
        (removed,) = server.events("ban.removed")
        assert (removed["subject"], removed["reason"]) == (f"ip:{ATTACKER}", "operator")
        again = server.cli("bans", "remove", ATTACKER)
        assert again.returncode == 2
        assert "is not banned" in again.stderr


def test_locked_account_is_unlocked(tmp_path: Path) -> None:
    """The lock of an account is lifted by its name, too."""
    with MailwardServer(tmp_path, guard=AT_ONCE | {"distinct_wrong_passwords_per_account": 2}) as server:
        for number in range(2):
            once(server, f"127.0.1.{number + 1}", f"wrong {number}")
        assert once(server, STRANGER, PASSWORD).code == 454
        server.listing("bans", "remove", ANN.upper())
        assert once(server, STRANGER, PASSWORD).code == 235


def test_ban_ends_by_itself(tmp_path: Path) -> None:
    """When its time is over a ban is over, without anybody's doing."""
    with MailwardServer(tmp_path, guard=AT_ONCE | {"ban": 1.0, "source_failures": 1}) as server:
        assert once(server, ATTACKER, "wrong").code == 535
        assert once(server, ATTACKER, PASSWORD).code == 454
        assert until(lambda: once(server, ATTACKER, PASSWORD).code == 235, within=5)


def test_new_password_counts_at_once(tmp_path: Path) -> None:
    """Accounts are added, changed and removed under the running server, and the next login knows."""
    with MailwardServer(tmp_path, guard=AT_ONCE) as server:
        password = tmp_path / "password"
        password.write_text(OTHER_PASSWORD)
        password.chmod(0o600)
        file = ("--password-file", str(password))
        server.listing("user", "add", BOB, *file)
        assert once(server, HOME, OTHER_PASSWORD, user=BOB).code == 235
        server.listing("user", "passwd", ANN, *file)
        assert once(server, HOME, PASSWORD, way=scram).code == 535
        assert once(server, HOME, OTHER_PASSWORD).code == 235
        server.listing("user", "remove", BOB)
        assert once(server, HOME, OTHER_PASSWORD, user=BOB).code == 535
