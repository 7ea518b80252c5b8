"""Messages that a careless client or server would change on the way, and how to know them again where they arrive."""

from __future__ import annotations

import itertools
import re

_AWKWARD = (
    b".\r\n..\r\n.starts with a dot\r\n\r\n"  # dot-stuffing
    b"\ttab and trailing spaces  \r\n" + b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\n"  # the longest lines there are
    b"From the beginning of a line\r\nQUIT\r\nRSET\r\n"
)
_EIGHT_BIT = "Grüße aus Köln, …\r\n".encode()
_NUMBERS = itertools.count()
_NAME = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE)


def letter(to: str, *, sender: str = "ann@example.test", eight_bit: bool = False) -> bytes:
    """One of a kind, to `to`."""
    number = next(_NUMBERS)
    header = (
        f"From: {sender}\r\nTo: {to}\r\nSubject: letter {number}\r\nDate: Tue, 24 Nov 2026 21:00:00 +0000\r\n"
        f"Message-ID: <{number}@letters.test>\r\nX-Folded: one\r\n two\r\n\tthree\r\n"
    ).encode()
    if not eight_bit:
        return header + b"\r\n" + _AWKWARD * (1 + number % 3)
    mime = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return header + mime + b"\r\n" + _EIGHT_BIT + _AWKWARD


def letters(to: str, count: int) -> list[bytes]:
    return [letter(to, eight_bit=number % 2 == 1) for number in range(count)]


def stored(content: bytes) -> bytes:
    """As a mailbox on Unix keeps it."""
    return content.replace(b"\r\n", b"\n")


def name_of(content: bytes) -> bytes:
    """Its Message-ID."""
    found = _NAME.search(content)
    assert found is not None, content[:500]
    return found[1]


def as_sent(arrived: bytes) -> bytes:
    """Without the fields that servers put in front of a letter."""
    start = arrived.find(b"From: ") if arrived.startswith(b"From: ") else arrived.find(b"\nFrom: ") + 1
    assert start >= 0, arrived[:500]
    return arrived[start:]
