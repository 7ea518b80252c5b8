"""Lines that end with LF, put together from the pieces in which they arrive, none longer than the limit."""

from __future__ import annotations

from collections.abc import Iterator

from mailward.errors import ProtocolError


class Lines:
    """`feed` what arrives, and take the whole lines, without their end. Raises ProtocolError for a line too long."""

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest
        for line in whole:
            yield self._checked(line)
        self._checked(rest)

    def _checked(self, line: bytes) -> bytes:
        if len(line) > self._longest:
            raise ProtocolError(f"a line of more than {self._longest} octets", phase="door")
        return line
