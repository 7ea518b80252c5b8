"""Bytes waiting to be understood: bounded lines with strict CRLF (RFC 5321 §2.3.8), O(n) however they are cut."""

from __future__ import annotations

_CR = 0x0D


class LineTooLong(Exception):
    """A line is longer than the caller allows; `complete` tells whether its end has been seen (and consumed)."""

    def __init__(self, *, complete: bool) -> None:
        super().__init__("line too long")
        self.complete = complete


class BadLineEnd(Exception):
    """A bare CR, bare LF or NUL in a line, which has been consumed."""


class LineBuffer:
    """Holds received bytes; gives whole lines or raw pieces. What it keeps is bounded by what the caller asks for."""

    __slots__ = ("_data", "_position", "_scanned")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self._scanned = 0  # no LF before this index: a dripped line is not searched again

    def __len__(self) -> int:
        return len(self._data) - self._position

    def feed(self, data: bytes) -> None:
        if self._position:
            self._data = self._data[self._position :] + data
            self._scanned = max(0, self._scanned - self._position)
            self._position = 0
        else:
            self._data = self._data + data if self._data else data

    def line(self, limit: int) -> bytes | None:
        """The next line without its CRLF, or None if it is not complete. `limit`: octets, CRLF included."""
        start = self._position
        end = self._data.find(b"\n", max(start, self._scanned))
        if end < 0:
            self._scanned = len(self._data)
            if len(self._data) - start >= limit:
                raise LineTooLong(complete=False)
            return None
        self._position = self._scanned = end + 1
        if end + 1 - start > limit:
            raise LineTooLong(complete=True)
        if end == start or self._data[end - 1] != _CR:
            raise BadLineEnd
        line = self._data[start : end - 1]
        if b"\r" in line or b"\x00" in line:
            raise BadLineEnd
        return line

    def peek(self, most: int) -> bytes:
        return self._data[self._position : self._position + most]

    def take(self, most: int) -> bytes:
        """At most `most` bytes from the front."""
        start = self._position
        piece = self._data[start : start + most]
        self._position = self._scanned = start + len(piece)
        return piece

    def take_all(self) -> bytes:
        return self.take(len(self))

    def put_back(self, data: bytes) -> None:
        """Return bytes taken too many; they come next."""
        self._data = data + self._data[self._position :]
        self._position = self._scanned = 0
