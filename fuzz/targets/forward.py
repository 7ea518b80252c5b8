"""Messages of others passed on: whatever they are made of, what we send is a message, and says what we say."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from mailward.errors import InputError
from mailward.message.builder import Message
from mailward.message.content import content_of
from mailward.message.forward import forward
from mailward.message.headers import fields
from mailward.message.mdn import read_receipt

_HOSTILE = b"=?utf-8?q?a=0D=0ABcc=3A_e=40x?="
SEEDS = [
    b"From: a@b.c\r\nSubject: "
    + _HOSTILE
    + b"\r\nMessage-ID: <1@b.c>\r\nDisposition-Notification-To: a@b.c\r\n\r\nhi\r\n",
    b"\r\n--x\r\n".join(
        (
            b"Content-Type: multipart/mixed; boundary=x\r\n",
            b"\r\nhi",
            b"Content-Type: text/html\r\n\r\n<p>a<br>",
            b"Content-Type: image/png; name*=utf-8''%0D%0A\r\nContent-ID: <a>\r\n\r\nAAAA",
            b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\n--x--\r\n",
        )
    ),
    b"Content-Type: text/html; charset=iso-2022-jp\r\n\r\n<!-- <a href=x>\x1b$B</a><script>",
]
_DATE = datetime(2025, 11, 24, tzinfo=UTC)
_OURS = {"from": b"ann@example.test", "to": b"bob@example.test"}


def target(data: bytes) -> None:
    """One From and one To, ours; no Bcc; nothing that DATA could not carry."""
    ways: tuple[Literal["inline"], Literal["attached"]] = ("inline", "attached")
    for how in ways:
        with suppress(InputError):
            _check(forward(data, from_="ann@example.test", to="bob@example.test", how=how), _OURS)
    with suppress(InputError):
        _check(read_receipt(data, reader="ann@example.test"), {"from": b"ann@example.test"})


def _check(message: Message, ours: dict[str, bytes]) -> None:
    octets = message.complete(lambda: _DATE, lambda: "1").as_octets()
    if not isinstance(octets, bytes) or content_of(octets) != octets:
        raise AssertionError("not final octets")
    header = list(fields(octets))
    for name, value in ours.items():
        if [found for key, found in header if key == name] != [value]:
            raise AssertionError(f"another {name}")
    if any(key in {"bcc", "cc"} for key, _ in header):
        raise AssertionError("a field that is not ours")
