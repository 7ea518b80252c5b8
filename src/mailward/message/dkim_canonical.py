"""What a DKIM signature is made over: header fields and body in their canonical forms (RFC 6376 §3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from mailward.errors import InvalidMessage
from mailward.message.headers import SECTION_LIMIT

CRLF = b"\r\n"
_PIECE = 65_536  # octets of a body that are looked at together
_BLANK_LINES = CRLF * 32_768
_FIELD = re.compile(rb"^([!-9;-~]++)([ \t]*+):([^\n]*+\n(?>(?:[ \t][^\n]*+\n)*))", re.MULTILINE)


class Pieces(Protocol):
    """Content in pieces of whole CRLF lines, as `mailward.message.octets.Octets` gives it."""

    def pieces(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Field:
    """`name`: as it stands there; `written`: the whole field with its CRLF; `value`: what follows the colon."""

    name: bytes
    written: bytes
    value: bytes

    def canonical(self, *, relaxed: bool) -> bytes:
        """With its CRLF."""
        return self.name.lower() + b":" + relaxed_value(self.value) + CRLF if relaxed else self.written


def split(content: bytes | Pieces) -> tuple[bytes, Iterator[bytes]]:
    """The header section up to the CRLF of its last field, and the body in pieces of whole lines."""
    if isinstance(content, bytes):
        return _cut(content)
    pieces = iter(content.pieces())
    start = b""
    for piece in pieces:
        start += piece
        if start.startswith(CRLF) or b"\r\n\r\n" in start:
            break
        _check_size(len(start))
    section, body = _cut(start)
    return section, _chained(body, pieces)


def _cut(content: bytes) -> tuple[bytes, Iterator[bytes]]:
    if content.startswith(CRLF):
        return b"", _lines(content, 2)
    end = content.find(b"\r\n\r\n")
    section = content if end < 0 else content[: end + 2]
    _check_size(len(section))
    return section, iter(()) if end < 0 else _lines(content, end + 4)


def _check_size(octets: int) -> None:
    if octets > SECTION_LIMIT:
        raise InvalidMessage(f"the header section is larger than {SECTION_LIMIT} octets", phase="dkim")


def _lines(content: bytes, start: int) -> Iterator[bytes]:
    while start < len(content):
        end = start + _PIECE
        if end < len(content):
            end = content.rfind(CRLF, start, end) + 2
            if end < start + 2:  # one line longer than a piece
                end = content.find(CRLF, start) + 2
                end = len(content) if end < 2 else end
        yield content[start:end]
        start = end


def _chained(first: Iterator[bytes], others: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from others


def fields_of(section: bytes) -> dict[bytes, list[Field]]:
    """The fields of each name, in lower case, in their order."""
    found: dict[bytes, list[Field]] = {}
    for match in _FIELD.finditer(section if section.endswith(b"\n") or not section else section + CRLF):
        name = match[1]
        found.setdefault(name.lower(), []).append(Field(name, match[0], match[3]))
    return found


def relaxed_value(value: bytes) -> bytes:
    """Unfolded, each run of white space one space, none at the ends (RFC 6376 §3.4.2)."""
    return _single_spaces(value.replace(CRLF, b"")).strip(b" ")


def body_hash(pieces: Iterable[bytes], *, relaxed: bool) -> bytes:
    """The SHA-256 of a body that comes in whole lines, in constant memory (RFC 6376 §3.4.3 and §3.4.4)."""
    digest = sha256()
    blank = 0  # lines at the end that count only if another follows
    seen = False
    for piece in pieces:
        if relaxed:
            piece = _relaxed_lines(piece)  # noqa: PLW2901
        end = _end(piece)
        if end:
            while blank:
                now = min(blank, 32_768)
                digest.update(_BLANK_LINES[: 2 * now])
                blank -= now
            digest.update(piece if end == len(piece) else memoryview(piece)[:end])
            seen = True
        blank += (len(piece) - end) // 2
    if seen or not relaxed:
        digest.update(CRLF)
    return digest.digest()


def _relaxed_lines(piece: bytes) -> bytes:
    """Each run of white space one space, none at the end of a line. Most bodies are so already: looking is cheap."""
    if b" " not in piece and b"\t" not in piece:
        return piece
    piece = _single_spaces(piece)
    piece = piece.replace(b" \r\n", CRLF) if b" \r\n" in piece else piece
    return piece if piece.endswith(CRLF) else piece.rstrip(b" ")


def _single_spaces(octets: bytes) -> bytes:
    """Linear: each turn of the loop at least halves every run of spaces that is left."""
    if b"\t" in octets:
        octets = octets.replace(b"\t", b" ")
    while b"  " in octets:
        octets = octets.replace(b"  ", b" ")
    return octets


def _end(piece: bytes) -> int:
    """Where the CRLFs at the end of a piece begin."""
    end = len(piece.rstrip(CRLF))
    tail = piece[end:]
    if len(tail) % 2 == 0 and tail == CRLF * (len(tail) // 2):
        return end
    end = len(piece)
    while piece.endswith(CRLF, 0, end):  # a bare CR or LF stands before them
        end -= 2
    return end
