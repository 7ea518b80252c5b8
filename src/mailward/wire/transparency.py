"""Dot-stuffing (RFC 5321 §4.5.2) that refuses every bare CR, bare LF and NUL: where content ends is no opinion."""

from __future__ import annotations

from typing import Final

from mailward.errors import InvalidMessage

TEXT_LINE_LIMIT: Final = 1000  # RFC 5321 §4.5.3.1.6, CRLF included

_NOT_CRLF: Final = bytes(octet for octet in range(256) if octet not in b"\r\n")
_END: Final = b"\r\n.\r\n"


class BadContent(Exception):
    """Content that must not be accepted."""


class BareNewline(BadContent):
    """A CR or LF stands alone, or a NUL hides one: the smuggling inputs."""


class LongLine(BadContent):
    """A text line is over the limit."""


def has_bare_newline(data: bytes) -> bool:
    """Whether a CR or LF of `data` is not part of a CRLF."""
    return data.count(b"\r\n") * 2 != len(data.translate(None, _NOT_CRLF))


def as_text(content: bytes) -> bytes:
    """`content` with a line end at its end. Raises InvalidMessage on a bare CR, LF or NUL."""
    if has_bare_newline(content) or b"\x00" in content:
        raise InvalidMessage(
            "the content has a bare CR, a bare LF or a NUL", phase="data", advice="end lines with CRLF"
        )
    return content if not content or content.endswith(b"\r\n") else content + b"\r\n"


def stuff(content: bytes) -> bytes:
    """`content` as it goes on the wire after 354, final dot included. Raises InvalidMessage on a bare CR, LF or NUL."""
    return stuff_lines(as_text(content)) + b".\r\n"


def stuff_lines(lines: bytes) -> bytes:
    """Whole lines of content as they go on the wire."""
    stuffed = lines.replace(b"\r\n.", b"\r\n..") if b"\r\n." in lines else lines
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


class Unstuffer:
    """Received content, decoded piece by piece, however it is cut.

    `feed` gives the octets that are certain so far and raises BadContent as soon as one is bad. When the final dot
    has come `done` is true and `rest` holds the bytes after it. It keeps at most four octets between two pieces.
    """

    __slots__ = ("_line", "_line_limit", "_tail", "_virtual", "done", "rest")

    def __init__(self, *, line_limit: int | None = None) -> None:
        self._tail = b"\r\n"  # the line end before the content, so that a first line "." ends it
        self._virtual = 2  # octets of that line end still to be left out
        self._line_limit = line_limit
        self._line = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        window = self._tail + data
        end = window.find(_END)
        if end >= 0:
            self.done = True
            self.rest = window[end + 5 :]
            window = window[: end + 2]
        else:
            cut = len(window) - _possible_end(window)
            self._tail = window[cut:]
            window = window[:cut]
        return self._decode(window) if window else b""

    def _decode(self, window: bytes) -> bytes:
        check(window)
        content = window.replace(b"\r\n.", b"\r\n")
        if self._virtual:
            content = content[self._virtual :]
            self._virtual = 0
        if self._line_limit is not None:
            self._measure(content, self._line_limit)
        return content

    def _measure(self, content: bytes, limit: int) -> None:
        lines = content.split(b"\r\n")
        lengths = [len(line) for line in lines]
        lengths[0] += self._line
        self._line = lengths[-1]
        if max(lengths) + 2 > limit:
            raise LongLine


def check(content: bytes) -> None:
    """Raise BareNewline unless `content` is text that every server delimits alike."""
    if has_bare_newline(content) or b"\x00" in content:
        raise BareNewline


def _possible_end(window: bytes) -> int:
    """Octets at the end of `window` that may be the beginning of the end."""
    for length in (4, 3, 2, 1):
        if window.endswith(_END[:length]):
            return length
    return 0
