"""A message taken apart into its header and the part that is signed or encrypted, and put together again (RFC 1847).

What is signed is seven-bit, has no white space at the end of a line and no line that begins with `From `, so that no
server on the way has a reason to change it (RFC 3156 §3, RFC 8551 §3.1.3).
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from email.message import EmailMessage, Message
from hashlib import sha256
from typing import Any, Literal, Protocol, TypeAlias

from mailward.errors import InvalidMessage
from mailward.message.content import octets_of
from mailward.message.field import CRLF
from mailward.message.headers import header_section
from mailward.message.serialise import wire_policy
from mailward.message.transfer_encoding import normalised
from mailward.printable import printable


class Composed(Protocol):
    """A `mailward.Message`."""

    def as_email_message(self) -> EmailMessage: ...


AnyMail: TypeAlias = "Message[Any, Any] | Composed | bytes"
Protection: TypeAlias = Literal["clear", "cipher"]

_FIELD = re.compile(rb"^([!-9;-~]++):([^\n]*+\n(?>(?:[ \t][^\n]*+\n)*))", re.MULTILINE)
_FRAGILE = re.compile(r"[ \t]\r?(?:\n|\Z)|^From ", re.MULTILINE)
_FROM = re.compile(rb"^From ", re.MULTILINE)
_HIDDEN_SUBJECT = " [...]\r\n"  # what RFC 9788 §3.2.1 writes in its place
# What tells of the way and not of the message, or must not be told to everyone, is not repeated inside.
_OUTSIDE_ONLY = re.compile(
    r"mime-version|bcc|resent-.*|received|return-path|dkim-signature|hp-outer|list-.*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Parted:
    """`fields`: name and written value, with its CRLF, of each outer field. `entity`: the inner part, to be signed."""

    fields: tuple[tuple[str, str], ...]
    entity: bytes

    @classmethod
    def of(cls, message: AnyMail) -> Parted:
        """Raises InvalidMessage for what no part can carry in seven bits."""
        if hasattr(message, "as_email_message"):
            message = message.as_email_message()
        if not isinstance(message, bytes):
            octets_of(message)  # whatever is wrong with it is told before it is walked through
            message = _sturdy(message)
        octets = octets_of(message)
        section = header_section(octets)
        body = octets[len(section) :] or CRLF.encode()
        if not body.isascii():
            raise InvalidMessage("a part to be signed or encrypted has 8-bit octets", advice="give an EmailMessage")
        return cls._divided(section, body)

    @classmethod
    def _divided(cls, section: bytes, body: bytes) -> Parted:
        outer: list[tuple[str, str]] = []
        inner = b""
        typed = False
        for match in _FIELD.finditer(section):
            name = match[1].decode("ascii")
            if name.lower().startswith("content-"):
                inner += match[0]
                typed = typed or name.lower() == "content-type"
            else:
                outer.append((name, match[2].decode("utf-8", "backslashreplace")))
        if not inner.isascii():
            raise InvalidMessage("a Content- field of the message has octets beyond ASCII")
        return cls(tuple(outer), (b"" if typed else b"Content-Type: text/plain; charset=us-ascii\r\n") + inner + body)

    def with_header_inside(self, protection: Protection) -> Parted:
        """The header repeated in the inner part (RFC 9788); "cipher" hides the outer subject."""
        repeated = [(name, value) for name, value in self.fields if not _OUTSIDE_ONLY.fullmatch(name)]
        outer = self.fields
        told: list[tuple[str, str]] = []
        if protection == "cipher":
            outer = tuple((name, _HIDDEN_SUBJECT if name.lower() == "subject" else value) for name, value in outer)
            shown = [(name, value) for name, value in outer if not _OUTSIDE_ONLY.fullmatch(name)]
            told = [("HP-Outer", f" {name}:{value}") for name, value in shown]
        lines = "".join(f"{name}:{value}" for name, value in [*repeated, *told]).encode()
        if protection == "clear" and not lines.isascii():
            raise InvalidMessage(
                "a header in UTF-8 cannot be repeated in a signed part", advice="protect_headers=False"
            )
        return replace(self, fields=outer, entity=lines + _marked(self.entity, protection))

    def joined(self, content: list[tuple[str, str]], body: bytes) -> EmailMessage:
        """The outer message: its own fields, those of its content, and a body that no generator touches."""
        message = EmailMessage(policy=wire_policy())
        has_version = False
        for name, value in self.fields:
            try:
                message[name] = value.strip(" \t\r\n")
            except ValueError as error:  # the standard library knows which fields may be there once only
                raise InvalidMessage(f"there is more than one {printable(name, 80)} field") from error
            has_version = has_version or name.lower() == "mime-version"
        for name, value in ([] if has_version else [("MIME-Version", "1.0")]) + content:
            message[name] = value
        message.set_payload(body.decode("ascii"))
        return message


def signed(entity: bytes, signature: bytes, boundary: str) -> bytes:
    """The body of a multipart/signed; `signature`: its second part, header and all."""
    line = f"\r\n--{boundary}".encode()
    return line[2:] + b"\r\n" + entity + line + b"\r\n" + signature + line + b"--\r\n"


def written(fields: list[tuple[str, str]], body: bytes) -> bytes:
    """A part: its fields, the blank line, its body."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii") + b"\r\n" + body


def boundary_of(entity: bytes) -> str:
    """A digest of what it must not occur in."""
    return f"=_{sha256(entity).hexdigest()[:40]}"


def _marked(entity: bytes, protection: Protection) -> bytes:
    """With the parameter hp= in its Content-Type (RFC 9788 §2.1.1)."""
    match = next(each for each in _FIELD.finditer(header_section(entity)) if each[1].lower() == b"content-type")
    end = match.start() + len(match[0].rstrip(b" \t\r\n;"))
    return entity[:end] + f';\r\n hp="{protection}"'.encode() + entity[match.end() - 2 :]


def _sturdy(message: Message[Any, Any]) -> Message[Any, Any]:
    """The same, or a copy in which each text that transport could change is in quoted-printable."""
    if not any(_is_fragile(part) for part in _leaves(message)):
        return message
    message = deepcopy(message)
    for part in _leaves(message):
        if _is_fragile(part):
            octets = part.get_payload(decode=True)
            assert isinstance(octets, bytes)  # noqa: S101  # a leaf's, and decoded
            del part["Content-Transfer-Encoding"]
            part["Content-Transfer-Encoding"] = "quoted-printable"
            encoded = b2a_qp(normalised(octets), istext=True)
            part.set_payload(_FROM.sub(b"=46=\r\nrom ", encoded).decode("ascii"))
    return message


def _leaves(message: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """The parts with a body of their own, but for those that are signed already."""
    stack = [message]
    while stack:
        part = stack.pop()
        payload = part.get_payload()
        if isinstance(payload, list):
            stack += [] if part.get_content_type() == "multipart/signed" else [*payload]
        elif part.get_content_maintype() not in {"multipart", "message"}:
            yield part


def _is_fragile(part: Message[Any, Any]) -> bool:
    payload = part.get_payload()
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    return isinstance(payload, str) and encoding != "base64" and _FRAGILE.search(payload) is not None
