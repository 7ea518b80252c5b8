"""The one event that says how a login ended."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

from mailward.accounts.account import Account
from mailward.events import BanAdded, Event, LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.guard.verdict import Failure
from mailward.login.credentials import Finding
from mailward.login.peer import Peer
from mailward.login.telling import Telling

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PEER = Peer(source=ipaddress.ip_address("192.0.2.7"), listener="127.0.0.1:465", session="abc", tls="TLSv1.3 X")
ANN = Account("ann@example.test", passwords=(), senders=(), created=0.0, changed=0.0)


def telling(heard: list[Event], name: str = "ann@example.test") -> Telling:
    one = Telling(heard.append, lambda: NOW, PEER, "PLAIN")
    one.name = name
    return one


def test_who_whence_and_how() -> None:
    """A success says with which credential, and whether it is past its time."""
    heard: list[Event] = []
    one = telling(heard)
    assert not one.told
    one.succeeded(Finding(reason=None, account=ANN, credential="app-password:laptop", grace=True), "tls-exporter")

    assert one.told
    assert heard == [
        LoginSucceeded(
            time=NOW,
            source="192.0.2.7",
            account="ann@example.test",
            mechanism="PLAIN",
            reason=None,
            listener="127.0.0.1:465",
            session="abc",
            tls="TLSv1.3 X",
            channel_binding="tls-exporter",
            credential="app-password:laptop",
            grace=True,
        )
    ]


def test_a_failure_and_what_the_guard_did() -> None:
    """The exact reason first, then the ban that came of it."""
    heard: list[Event] = []
    ban = BanAdded(time=NOW, subject="ip:192.0.2.7", reason="source-failures", until=5.0)
    telling(heard).failed(Reason.BAD_PASSWORD, Failure(delay=2.0, repeated=True, events=(ban,)))

    failed, banned = heard
    assert isinstance(failed, LoginFailed)
    assert (failed.reason, failed.delay, failed.repeated) == ("bad-password", 2.0, True)
    assert banned is ban


def test_a_refusal_and_when_it_ends() -> None:
    """Until when, and no account where none was named."""
    heard: list[Event] = []
    telling(heard, name="").refused(Reason.BANNED, until=17.0, delay=0.5)

    (refused,) = heard
    assert isinstance(refused, LoginRefused)
    assert (refused.reason, refused.account, refused.until, refused.delay) == ("banned", None, 17.0, 0.5)
