"""The parts of a message and how they become octets: leaves, and groups of parts between boundaries (RFC 2046 §5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from mailward.errors import InvalidMessage
from mailward.message.octets import Base64, base64_lines
from mailward.message.transfer_encoding import encoded, is_carried, normalised

Body: TypeAlias = bytes | Base64


@dataclass(frozen=True, slots=True)
class Leaf:
    """`fields`: its header fields, whole, with their CRLF. `body`: as it goes on the wire, with CRLF at its end."""

    fields: str
    body: Body = field(repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """A multipart/`subtype`. `parameters`: more of its Content-Type, as written."""

    subtype: str
    parts: tuple[Part, ...]
    parameters: str = ""


Part: TypeAlias = Leaf | Group


def text_leaf(body: str, media_type: str, *, eight_bit: bool, fields: str = "") -> Leaf:
    """Text in UTF-8, as it is where a server can carry it, else quoted-printable or base64. `media_type` as written."""
    octets = _text_octets(body)
    encoding = "7bit" if octets.isascii() else "8bit"
    if not is_carried(octets, eight_bit=eight_bit):
        encoding, text = encoded(octets, text=True)
        octets = normalised(text.encode("ascii"))
        octets = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
    return Leaf(f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n{fields}", octets)


def octets_leaf(body: bytes | Base64, media_type: str, fields: str = "") -> Leaf:
    """Octets of any kind, in base64."""
    lines = base64_lines(body) if isinstance(body, bytes) else body
    return Leaf(f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n{fields}", lines)


def message_leaf(content: bytes, fields: str = "", media_type: str = "message/rfc822") -> Leaf:
    """A whole message, or the header of one, which may not be encoded (RFC 2046 §5.2.1)."""
    encoding = "7bit" if content.isascii() else "8bit"
    return Leaf(f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n{fields}", content)


def group(subtype: str, parts: Sequence[Part], parameters: str = "") -> Part:
    """The group of several, or the only part itself."""
    return parts[0] if len(parts) == 1 else Group(subtype, tuple(parts), parameters)


def rendered(part: Part, seed: str) -> Iterator[bytes | Base64]:
    """The header fields of the part, the empty line and the body, to stand below the other fields of the message.

    Boundaries are a digest of `seed` and of all bodies, which can therefore not have them.
    """
    digest = sha256(seed.encode())
    for body in _bodies(part):
        digest.update(b"\0" + (body if isinstance(body, bytes) else b"%d" % body.size))
    return _rendered(part, digest.hexdigest()[:36], "0")


def _rendered(part: Part, digest: str, place: str) -> Iterator[bytes | Base64]:
    if isinstance(part, Leaf):
        yield f"{part.fields}\r\n".encode()
        yield part.body
        return
    boundary = f"=_{digest}{place}"  # `=_` occurs in no quoted-printable or base64 line (RFC 2045 §6.7)
    parameters = f'{part.parameters};\r\n boundary="{boundary}"'
    yield f"Content-Type: multipart/{part.subtype}{parameters}\r\n\r\n".encode()
    for number, inner in enumerate(part.parts):
        yield f"--{boundary}\r\n".encode()
        yield from _rendered(inner, digest, f"{place}.{number}" if isinstance(inner, Group) else "")
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _bodies(part: Part) -> Iterator[Body]:
    if isinstance(part, Leaf):
        yield part.body
    else:
        for inner in part.parts:
            yield from _bodies(inner)


def _text_octets(body: str) -> bytes:
    try:
        octets = normalised(body.encode())
    except UnicodeEncodeError as error:
        raise InvalidMessage(f"a lone surrogate at character {error.start + 1} of the body") from error
    return octets if not octets or octets.endswith(b"\r\n") else octets + b"\r\n"
