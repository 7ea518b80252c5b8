"""The one JSON form."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from mailward.events import (
    BanAdded,
    BanRemoved,
    DowngradeRefused,
    Event,
    GuardMode,
    LoginFailed,
    LoginRefused,
    LoginSucceeded,
    MessageAccepted,
    MessageBounced,
    MessageDeferred,
    MessageDelivered,
    PasswordExpiring,
    PasswordRetired,
    Reason,
    decode,
    encode,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEYS = ["type", "time", "source", "account", "mechanism", "reason", "listener", "session"]
EVENTS: dict[str, Event] = {
    "login.succeeded": LoginSucceeded(time=NOW, source="192.0.2.1", account="ann", mechanism="PLAIN", tls="TLSv1.3"),
    "login.failed": LoginFailed(time=NOW, reason=Reason.BAD_PASSWORD, delay=0.5),
    "login.refused": LoginRefused(time=NOW, reason=Reason.BANNED, until=1.5),
    "ban.added": BanAdded(time=NOW, subject="ip:192.0.2.1", until=2.5),
    "ban.removed": BanRemoved(time=NOW, subject="ip:192.0.2.1", reason="expired"),
    "guard.mode": GuardMode(time=NOW, mode="spraying", on=True),
    "account.password-expiring": PasswordExpiring(time=NOW, account="ann", until=2.5, days=7),
    "account.password-retired": PasswordRetired(time=NOW, account="ann", reason="silent"),
    "message.accepted": MessageAccepted(time=NOW, message="01", envelope_from="a@b.test", envelope_to=("c@d.test",)),
    "message.delivered": MessageDelivered(time=NOW, message="01", reply="250 ok"),
    "message.deferred": MessageDeferred(time=NOW, message="01", attempt=2, next_attempt=3.5),
    "message.bounced": MessageBounced(time=NOW, message="01", reply="550 no"),
    "client.downgrade-refused": DowngradeRefused(
        time=NOW, account="ann", reason="tls", host="mail.test", port=465, was={"TLS": "1.3"}, now={"TLS": "1.2"}
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_round_trip(name: str) -> None:
    """What is written is read back as the same event; the eight keys come first, in their order."""
    line = encode(EVENTS[name])

    assert decode(line) == EVENTS[name]
    assert list(json.loads(line))[:8] == KEYS
    assert json.loads(line)["type"] == name
    assert json.loads(line)["time"] == "2026-05-01T12:00:00Z"


def test_one_line_whatever_the_name() -> None:
    """A hostile account name cannot begin a second record (row M02)."""
    line = encode(LoginFailed(time=NOW, account='x\n{"type":"login.succeeded"}\u2028\x1b'))

    assert b"\n" not in line
    assert b"\x1b" not in line


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":"login.stolen"}', b'{"type":"login.failed"}', b"[1]"])
def test_anything_else_is_refused(line: bytes) -> None:
    """By msgspec's two errors."""
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        decode(line)
