"""Netstrings, as Postfix's socketmap protocol frames its requests and answers. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailward.errors import ProtocolError

LONGEST: Final = 4_096  # octets of a request
_DIGITS: Final = len(str(LONGEST))


class NetstringReader:
    """`feed` what arrives, and take the whole strings. Raises ProtocolError; then the connection must end."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        heard, at = self._rest + data, 0
        while True:
            colon = heard.find(b":", at, at + _DIGITS + 1)
            length = _length(heard[at : colon if colon >= 0 else at + _DIGITS + 1], whole=colon >= 0)
            end = colon + 1 + length
            if colon < 0 or len(heard) <= end:
                self._rest = heard[at:]
                return
            if heard[end : end + 1] != b",":
                raise _broken("no comma at the end")
            yield heard[colon + 1 : end]
            at = end + 1


def netstring(data: bytes) -> bytes:
    return b"%d:%b," % (len(data), data)


def _length(head: bytes, *, whole: bool) -> int:
    """`whole`: the colon is there; otherwise only whether it can still become one."""
    if (head or whole) and not head.isdigit():
        raise _broken("no length")
    if len(head) > _DIGITS or (head and int(head) > LONGEST):
        raise _broken(f"more than {LONGEST} octets")
    if len(head) > 1 and head.startswith(b"0"):
        raise _broken("a length with a zero before it")
    return int(head or b"0")


def _broken(what: str) -> ProtocolError:
    return ProtocolError(f"socketmap protocol: a netstring with {what}", phase="door")
