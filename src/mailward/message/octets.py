"""Content too large to be held: its octets in pieces, as often as they are asked for (RFC 5321 §4.5.3.1.7)."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, Protocol

from mailward.errors import InvalidMessage
from mailward.message.content import check_section, names_bcc
from mailward.message.field import MAX_LINE
from mailward.message.files import BLOCK, AnyFile, FileSource
from mailward.message.headers import SECTION_LIMIT, header_section
from mailward.message.transfer_encoding import has_long_line, normalised

MOST: Final = 1 << 40  # octets of one content
MOST_HELD: Final = 1 << 28  # octets that a message may have which is made in memory
_LINE = 57  # octets that make a line of 76 characters (RFC 2045 §6.8)
_STEP = 1_150 * _LINE  # octets that are encoded at a time, whole lines of them
_ROWS = Struct("76s" * 1_150)  # cuts them faster than slices do


class Octets(Protocol):
    """Final octets: CRLF as the only and the last line break, no Bcc, no NUL, no line over 998.

    `size` is exact. `pieces` gives about 64 KiB at a time, whole lines, the same each time it is asked.
    """

    @property
    def size(self) -> int: ...

    @property
    def eight_bit(self) -> bool: ...

    @property
    def smtputf8_headers(self) -> bool: ...

    def pieces(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class FileOctets:
    """A file that has been looked through once and is content as it is."""

    source: FileSource = field(repr=False)
    eight_bit: bool
    smtputf8_headers: bool

    @property
    def size(self) -> int:
        return self.source.size

    def pieces(self) -> Iterator[bytes]:
        return whole_lines(self.source.blocks())


@dataclass(frozen=True, slots=True)
class Base64:
    """A source as it stands in a message: base64 in lines of 76 characters."""

    source: FileSource

    @property
    def size(self) -> int:
        lines, rest = divmod(self.source.size, _LINE)
        return lines * 78 + (-(-rest // 3) * 4 + 2 if rest else 0)

    def pieces(self) -> Iterator[bytes]:
        for block in self.source.blocks(_STEP):
            yield base64_lines(block)


@dataclass(frozen=True, slots=True)
class Segments:
    """Content of several lengths, one after the other; each ends with a line."""

    segments: tuple[bytes | Base64, ...] = field(repr=False)
    size: int
    eight_bit: bool
    smtputf8_headers: bool

    def pieces(self) -> Iterator[bytes]:
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield from whole_lines(segment[start : start + BLOCK] for start in range(0, len(segment), BLOCK))
            else:
                yield from segment.pieces()


@dataclass(frozen=True, slots=True)
class Prefixed:
    """`content` with whole header fields in front of it."""

    fields: bytes
    content: Octets = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.fields) + self.content.size

    @property
    def eight_bit(self) -> bool:
        return self.content.eight_bit

    @property
    def smtputf8_headers(self) -> bool:
        return self.content.smtputf8_headers

    def pieces(self) -> Iterator[bytes]:
        yield self.fields
        yield from self.content.pieces()


def joined(segments: Sequence[bytes | Base64]) -> bytes | Octets:
    """The segments as one: octets where nothing has to be read."""
    if sum(len(segment) for segment in segments if isinstance(segment, bytes)) > MOST_HELD:
        raise InvalidMessage(f"the message holds more than {MOST_HELD} octets", advice="attach large files by path")
    held = b"".join(segment for segment in segments if isinstance(segment, bytes))
    if all(isinstance(segment, bytes) for segment in segments):
        return held
    merged: list[bytes | Base64] = []
    for segment in segments:
        if isinstance(segment, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += segment
        else:
            merged.append(segment)
    size = sum(len(segment) if isinstance(segment, bytes) else segment.size for segment in merged)
    return Segments(tuple(merged), size, not held.isascii(), not header_section(held).isascii())


def octets_of_file(place: AnyFile | FileSource, *, bcc: bool = False) -> FileOctets:
    """A whole message in a file, to be sent byte for byte. It is read once to see that it can be, and again to send.

    `place`: a path, an open binary file that can seek, or a `spool`. What `Octets` forbids is refused, never mended;
    so are Bcc fields, which everybody would read, unless `bcc`. Raises InvalidMessage.
    """
    source = place if isinstance(place, FileSource) else FileSource(place)
    if source.size > MOST:
        raise InvalidMessage(f"the message has more than {MOST} octets")
    return _scanned(source, bcc=bcc)


def header_of(content: Octets) -> bytes:
    """The header section, and perhaps some of the body after it."""
    found = b""
    for piece in content.pieces():
        found += piece
        if b"\r\n\r\n" in found or found.startswith(b"\r\n") or len(found) > SECTION_LIMIT:
            break
    return found


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets, cut after a CRLF. Raises InvalidMessage for a line over 998 octets."""
    rest = b""
    for block in blocks:
        joined = rest + block
        end = joined.rfind(b"\r\n") + 2
        if end > 1:
            yield joined[:end]
            rest = joined[end:]
        else:
            rest = joined
        if len(rest) > MAX_LINE + 1:
            raise _unfit(rest)
    if rest:
        raise _unfit(rest)


def base64_lines(octets: bytes) -> bytes:
    """As the body of a part: lines of 76 characters, each with its CRLF."""
    text = b2a_base64(octets, newline=False)
    if len(text) == _ROWS.size:
        return b"\r\n".join((*_ROWS.unpack(text), b""))
    lines = [text[start : start + 76] for start in range(0, len(text), 76)]
    return b"\r\n".join([*lines, b""])


def _scanned(source: FileSource, *, bcc: bool) -> FileOctets:
    head: bytes | None = b""
    eight_bit = smtputf8_headers = False
    for piece in whole_lines(source.blocks()):
        _check_piece(piece)
        eight_bit = eight_bit or not piece.isascii()
        if head is not None:
            head += piece
            if b"\r\n\r\n" in head or head.startswith(b"\r\n") or len(head) > SECTION_LIMIT:
                smtputf8_headers = _checked_section(head, bcc=bcc)
                head = None
    if head is not None:
        if not head:
            raise InvalidMessage("the message is empty")
        smtputf8_headers = _checked_section(head, bcc=bcc)
    return FileOctets(source, eight_bit, smtputf8_headers)


def _checked_section(head: bytes, *, bcc: bool) -> bool:
    section = header_section(head)
    check_section(section)
    if not bcc and names_bcc(section):
        raise InvalidMessage(
            "the message has a Bcc field, which every recipient would read",
            advice="take it out, use send(), which does, or say that it must stay with bcc=True",
        )
    return not section.isascii()


def _check_piece(piece: bytes) -> None:
    if normalised(piece) is not piece or b"\0" in piece or has_long_line(piece):
        raise _unfit(piece)


def _unfit(octets: bytes) -> InvalidMessage:
    if b"\0" in octets:
        return InvalidMessage("the message has a NUL")
    if normalised(octets) is not octets:
        return InvalidMessage(
            "the message has line breaks other than CRLF, and it is to be sent byte for byte",
            advice="use send(), which writes CRLF, or convert the file",
        )
    if len(octets) <= MAX_LINE and not octets.endswith(b"\r\n"):
        return InvalidMessage("the message does not end with CRLF, and it is to be sent byte for byte")
    return InvalidMessage(
        "a line is longer than 998 octets (RFC 5322 §2.1.1)", advice="encode that part as quoted-printable or base64"
    )
