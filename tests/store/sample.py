"""Messages and events to store."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from mailward.events import LoginFailed, MessageAccepted
from mailward.store.message import NewMessage
from mailward.store.message_id import new_id
from mailward.store.spool import Spool

NOW = 1_800_000_000.0


class Fields(TypedDict, total=False):
    id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    content: bytes | None
    spool: str | None
    size: int
    received: float
    account: str | None
    source: str | None
    session: str | None
    subject: str
    smtputf8: bool
    eightbit: bool
    hold: bool


def new_message(**fields: Unpack[Fields]) -> NewMessage:
    """A message from Ann to Bob, due at NOW."""
    received = fields.get("received", NOW)
    content = fields.get("content", b"Subject: Hello\r\n\r\nHi.\r\n")
    standard: Fields = {
        "id": new_id(int(received * 1000), secrets.token_bytes(10)),
        "envelope_from": "ann@example.test",
        "envelope_to": ("bob@example.test",),
        "content": content,
        "spool": None,
        "size": len(content or b""),
        "received": received,
        "account": "ann@example.test",
        "source": "192.0.2.7",
        "session": "s1",
        "subject": "Hello",
        "smtputf8": False,
        "eightbit": False,
        "hold": False,
    }
    return NewMessage(**(standard | fields))


def login_failed(second: int = 0, *, source: str = "192.0.2.7", account: str = "ann@example.test") -> LoginFailed:
    return LoginFailed(time=at(second), source=source, account=account, mechanism="PLAIN", reason="bad-password")


def message_accepted(second: int = 0, *, message: str = "M") -> MessageAccepted:
    return MessageAccepted(time=at(second), source="192.0.2.7", account="ann@example.test", message=message)


def at(second: int) -> datetime:
    return datetime.fromtimestamp(NOW + second, UTC)


def spooled(spool: Spool, name: str, *pieces: bytes) -> int:
    """Puts a committed file into the spool; how many octets it has."""
    with spool.create(name) as file:
        for piece in pieces:
            file.write(piece)
        file.commit()
        return file.size
