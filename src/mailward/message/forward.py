"""A message passed on: inside a new one, as a part of a new one, or as it is (RFC 5322 §3.6.6, RFC 2046 §5.2.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mailward.errors import InvalidMessage
from mailward.message.address_list import parse_address
from mailward.message.attachment import CID, OCTET_STREAM, Attachment
from mailward.message.builder import Message
from mailward.message.content import content_of, octets_of
from mailward.message.date_time import date_time
from mailward.message.field import address_text, field, fold
from mailward.message.headers import header, shown, subject
from mailward.message.message_id import checked_id
from mailward.message.plain_text import plain_text
from mailward.message.reading import ReadPart, read_parts
from mailward.printable import printable

if TYPE_CHECKING:
    from email.message import Message as StandardMessage

    AnyOriginal: TypeAlias = StandardMessage[Any, Any] | bytes

_TOLD = ("From", "Date", "Subject", "To", "Cc")
_BODY = re.compile(r"<body\b[^<>]*+>", re.IGNORECASE)
_PREFIX = re.compile(r"fwd?:", re.IGNORECASE)
_PATH = re.compile(r"[/\\]")


def forward(
    original: AnyOriginal,
    *,
    from_: str,
    to: str | Sequence[str],
    how: Literal["inline", "attached"] = "inline",
    text: str = "",
    **more: Any,
) -> Message:
    """A new message with `original` in it: quoted with its files after `text`, or whole as one attachment.

    Whole, it stays byte for byte as it is, so that its signatures hold. `more`: what else `Message` takes; the subject
    is that of the original without it. Nothing that the original says becomes a header. Raises InvalidMessage.
    """
    content = content_of(original)
    more.setdefault("subject", _subject(content))
    if how == "attached":
        name = f"{printable(subject(content), 80) or 'message'}.eml"
        message = Message(from_=from_, to=to, text=text, **more)
        return message.attach(Attachment(content, _PATH.sub("-", name), "message/rfc822"))
    if how != "inline":
        raise InvalidMessage(f"{printable(str(how), 40)!r} is no way to forward; say inline or attached")
    return _inline(content, text, {"from_": from_, "to": to, **more})


def redirect(original: AnyOriginal, *, from_: str, to: str | Sequence[str], date: datetime, message_id: str) -> bytes:
    """The same message to other people, with Resent- fields before it and nothing else changed.

    What `send` takes, which finds sender and recipients in these fields; one that was resent before needs them given.
    """
    people = [to] if isinstance(to, str) else to
    lines = (
        field("Resent-From", fold("Resent-From", address_text((parse_address(from_),)))),
        field("Resent-To", fold("Resent-To", address_text(tuple(map(parse_address, people))))),
        f"Resent-Date: {date_time(date)}\r\n",
        field("Resent-Message-ID", fold("Resent-Message-ID", checked_id(message_id))),
    )
    return "".join(lines).encode() + content_of(original)


def _subject(content: bytes) -> str:
    told = subject(content)
    return told if _PREFIX.match(told) else f"Fwd: {told}".strip()


def _inline(content: bytes, text: str, fields: dict[str, Any]) -> Message:
    leaves = read_parts(octets_of(content)).leaves()
    plain, html = _body(leaves, "text/plain"), _body(leaves, "text/html")
    told = [(name, shown(header(content, name) or b"", 2_000)) for name in _TOLD if header(content, name)]
    words = plain.text() if plain else plain_text(html.text()) if html else ""
    quoted = "\n".join(f"{name}: {value}" for name, value in told)
    message = Message(text=f"{text}\n\n---------- Forwarded message ----------\n{quoted}\n\n{words}", **fields)
    if html is not None:
        message.html = _quoted_html(html.text(), text, told)
    for leaf in leaves:
        if leaf is not plain and leaf is not html:
            _take_over(message, leaf)
    return message


def _body(leaves: list[ReadPart], kind: str) -> ReadPart | None:
    return next((leaf for leaf in leaves if leaf.type == kind and leaf.disposition != "attachment"), None)


def _quoted_html(html: str, text: str, told: list[tuple[str, str]]) -> str:
    lines = "".join(f"<b>{name}:</b> {escape(value)}<br>" for name, value in told)
    said = "<br>".join(escape(text).split("\n"))
    before = f"<div>{said}</div><hr><div>{lines}</div><br>"
    start = found.end() if (found := _BODY.search(html)) else 0
    return html[:start] + before + html[start:]


def _take_over(message: Message, leaf: ReadPart) -> None:
    """A file of the original; its name and type are what somebody else says."""
    name = _PATH.sub("-", printable(leaf.name, 200))
    cid = (leaf.value("content-id") or b"").decode("ascii", "replace").strip("<> ")
    if leaf.type == "message/rfc822":
        message.attach(Attachment(leaf.body, name, leaf.type))
        return
    composite = leaf.type.partition("/")[0] in {"message", "multipart"}
    kind = OCTET_STREAM if composite else leaf.type
    if message.html is not None and CID.fullmatch(cid) and not composite and cid not in message.cids:
        message.embed(leaf.content(), cid, type=kind)
    else:
        message.attach(leaf.content(), name=name, type=kind)
