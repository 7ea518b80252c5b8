"""The parts of a message that somebody else wrote, read within bounds (RFC 2045, RFC 2046)."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from dataclasses import dataclass, field
from typing import Final

from mailward.errors import InvalidMessage
from mailward.message.encoded_word import CHARSET
from mailward.message.headers import SECTION_LIMIT, fields, header_section
from mailward.message.parameter import read_disposition, read_type
from mailward.message.transfer_encoding import normalised

DEEPEST: Final = 50
MOST_PARTS: Final = 1_000
MOST_OCTETS: Final = 1 << 26

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class ReadPart:
    """One part: lower-case names of its fields with their values, its `octets` as they stand, header and all.

    `parts`: of a multipart, or the message in a message/rfc822. `type` is "text/plain" where none is said.
    """

    fields: tuple[tuple[str, bytes], ...] = field(repr=False)
    type: str
    parameters: dict[str, str]
    disposition: str
    name: str
    octets: bytes = field(repr=False)
    body: bytes = field(repr=False)
    parts: tuple[ReadPart, ...] = ()

    def value(self, name: str) -> bytes | None:
        """Of the first field called so."""
        return next((value for key, value in self.fields if key == name), None)

    def content(self) -> bytes:
        """The body without its transfer encoding; what breaks the encoding's rules is passed over."""
        encoding = (self.value("content-transfer-encoding") or b"").strip().lower()
        if encoding == b"quoted-printable":
            return a2b_qp(self.body)
        return _unbase64(self.body) if encoding == b"base64" else self.body

    def text(self) -> str:
        """The content as text, in its charset if that is one of mail; line breaks are LF."""
        charset = self.parameters.get("charset", "utf-8").lower()
        codec = charset if CHARSET.fullmatch(charset) else "utf-8"
        try:
            text = self.content().decode("utf-8" if codec == "us-ascii" else codec, "replace")
        except (UnicodeError, LookupError):
            text = self.content().decode("latin-1")
        return text.replace("\r\n", "\n")

    def leaves(self) -> list[ReadPart]:
        """The parts that are no multipart, in their order. A message in a message is one leaf."""
        if not self.type.startswith("multipart/") or not self.parts:
            return [self]
        return [leaf for part in self.parts for leaf in part.leaves()]


def read_parts(content: bytes) -> ReadPart:
    """Raises InvalidMessage for too many octets, parts, levels or parameters."""
    if len(content) > MOST_OCTETS:
        raise InvalidMessage(f"the message has more than {MOST_OCTETS} octets, too many to take it apart")
    return _Reader().part(normalised(content), 1, "text/plain")


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def part(self, octets: bytes, depth: int, default: str) -> ReadPart:
        self._count += 1
        if depth > DEEPEST or self._count > MOST_PARTS:
            raise InvalidMessage(f"parts nested deeper than {DEEPEST}, or more than {MOST_PARTS} of them")
        section = header_section(octets)
        if len(section) > SECTION_LIMIT:
            raise InvalidMessage(f"the header of a part has more than {SECTION_LIMIT} octets")
        found = tuple(fields(section))
        body = octets[len(section) + 2 :]
        kind, parameters = read_type(_first(found, b"content-type"))
        kind = kind or default
        disposition, named = read_disposition(_first(found, b"content-disposition"))
        name = named.get("filename") or parameters.get("name", "")
        parts = self._inner(kind, parameters, body, depth)
        return ReadPart(found, kind, parameters, disposition, name, octets, body, parts)

    def _inner(self, kind: str, parameters: dict[str, str], body: bytes, depth: int) -> tuple[ReadPart, ...]:
        if kind == "message/rfc822":
            return (self.part(body, depth + 1, "text/plain"),)
        boundary = parameters.get("boundary", "").rstrip()
        if not kind.startswith("multipart/") or not 0 < len(boundary) <= 200:
            return ()
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        return tuple(self.part(octets, depth + 1, default) for octets in _split(body, boundary.encode()))


def _split(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundaries; a last one that is missing is taken as said."""
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r\n|\Z)")
    found: list[bytes] = []
    start: int | None = None
    for line in delimiter.finditer(body):
        if start is not None:
            found.append(body[start : max(start, line.start())])
            if len(found) > MOST_PARTS:
                raise InvalidMessage(f"more than {MOST_PARTS} parts")
        start = line.end() + 2
        if line[1]:
            return found
    if start is not None:
        found.append(body[start:])
    return found


def _first(found: tuple[tuple[str, bytes], ...], name: bytes) -> bytes:
    return next((value for key, value in found if key == name.decode()), b"")


def _unbase64(body: bytes) -> bytes:
    octets = _NOT_BASE64.sub(b"", body)
    octets = octets.partition(b"=")[0]
    try:
        return a2b_base64(octets + b"=" * (-len(octets) % 4))
    except Error:
        return a2b_base64(octets[: len(octets) // 4 * 4])
