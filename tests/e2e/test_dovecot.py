"""A real Dovecot that asks Mailward before it checks a password, and tells it how that ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dovecot import Dovecot
from tests.support.installation import ANN, IMPLICIT, PASSWORD, until
from tests.support.login_doors import QUICK, TOKEN, LoginDoors
from tests.support.talk import Talk

pytestmark = [pytest.mark.e2e, pytest.mark.peer("dovecot-imap")]

OTHER = "the one that only Dovecot knows"
CAROL = "carol@example.test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoginDoors]:
    with LoginDoors(tmp_path / "server", "dovecot_policy", guard=QUICK) as running:
        yield running


@pytest.fixture
def dovecot(server: LoginDoors) -> Iterator[Dovecot]:
    url = f"http://127.0.0.1:{server.http['dovecot_policy']}/"
    with Dovecot({ANN: OTHER, CAROL: OTHER}, policy=url, token=TOKEN) as running:
        yield running


def test_a_login_is_allowed_and_told(server: LoginDoors, dovecot: Dovecot) -> None:
    """A right password logs in at Dovecot, whose own it is; the event says where."""
    assert dovecot.login(CAROL, OTHER, source="127.0.0.5").startswith("OK"), dovecot.log

    (event,) = until(lambda: server.events("login.succeeded"))
    assert (event["account"], event["source"], event["listener"], event["credential"]) == (
        CAROL,
        "127.0.0.5",
        "dovecot-policy:imap",
        "reported",
    )


def test_imap_and_smtp_share_one_budget(tmp_path: Path) -> None:
    """Wrong passwords at Dovecot's IMAP and at our SMTP are counted together: when they are spent, neither looks at
    the next one from a stranger, be it the right one; nobody needs to see the other's log."""
    guard = {**QUICK, "distinct_wrong_passwords_per_account": 4}
    with LoginDoors(tmp_path / "server", "dovecot_policy", guard=guard) as server:
        url = f"http://127.0.0.1:{server.http['dovecot_policy']}/"
        with Dovecot({ANN: OTHER}, policy=url, token=TOKEN) as dovecot:
            for host in (1, 2):
                assert dovecot.login(ANN, f"wrong at IMAP {host}", source=f"127.0.7.{host}").startswith("NO")
                assert smtp(server, f"wrong at SMTP {host}", source=f"127.0.64.{host}") == 535
            until(lambda: len(server.events("login.failed")) == 4)

            assert smtp(server, PASSWORD, source="127.0.128.1") == 454
            assert dovecot.login(ANN, OTHER, source="127.0.128.2").startswith("NO")

        assert [event["listener"].partition(":")[0] for event in server.events("login.failed")] == [
            "dovecot-policy",
            "127.0.0.1",
        ] * 2
        assert [event["reason"] for event in server.events("login.refused")] == ["locked", "locked"]


def test_a_telephone_with_an_old_password(server: LoginDoors, dovecot: Dovecot) -> None:
    """The same wrong password again and again counts once, though we only see a piece of its hash."""
    for _ in range(4):
        assert dovecot.login(CAROL, "the old one", source="127.0.0.6").startswith("NO")

    failed = until(lambda: events if len(events := server.events("login.failed")) == 4 else [])
    assert [event["repeated"] for event in failed] == [False, True, True, True]
    assert server.events("ban.added") == []
    assert dovecot.login(CAROL, OTHER, source="127.0.0.6").startswith("OK")


def test_a_banned_source_is_not_asked_for_a_password(server: LoginDoors, dovecot: Dovecot) -> None:
    """Dovecot refuses whom Mailward has banned, the right password too, and still serves the others."""
    for number in range(5):
        assert dovecot.login(CAROL, f"wrong {number}", source="127.0.0.7").startswith("NO")
    until(lambda: server.events("ban.added"))

    assert dovecot.login(CAROL, OTHER, source="127.0.0.7").startswith("NO")
    assert server.events("login.refused")[-1]["reason"] == "banned"
    assert dovecot.login(CAROL, OTHER, source="127.0.0.5").startswith("OK")


def test_a_wrong_token_learns_nothing(server: LoginDoors) -> None:
    """Dovecot with another token logs that it is refused, and Mailward counts nothing that it says."""
    url = f"http://127.0.0.1:{server.http['dovecot_policy']}/"
    with Dovecot({CAROL: OTHER}, policy=url, token="another", reject_on_fail=True) as dovecot:
        assert dovecot.login(CAROL, OTHER).startswith("NO")
        assert "401" in dovecot.log
    assert server.events("login.succeeded", "login.failed") == []


def smtp(server: LoginDoors, password: str, *, source: str) -> int:
    """The code that our own door answers to AUTH PLAIN."""
    with Talk(server.ports[IMPLICIT], tls=server.trust, source=source) as talk:
        talk.ehlo()
        return talk.plain(ANN, password).code


def test_connect_shows_that_dovecot_asks(server: LoginDoors, dovecot: Dovecot) -> None:
    """`mailward connect dovecot --check` finds the URL in Dovecot's configuration, knocks, and tells the event."""
    file = str(dovecot.directory / "dovecot.conf")

    done = server.cli("connect", "dovecot", "--check", "--server-config", file)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "✔ dovecot's configuration is as it should be" in done.stdout
    assert '✔ dovecot_policy answers: allow: 200 {"status":0,"msg":""}' in done.stdout
    assert "✔ recorded: login.failed, bad-password, dovecot-policy:imap, from 2001:db8:" in done.stdout
    assert TOKEN not in done.stdout
