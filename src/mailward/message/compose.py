"""A message from text, HTML or both, every header checked, encoded and folded here (RFC 5322, RFC 2046 §5.1.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256

from mailward.errors import InvalidMessage
from mailward.message.address_list import parse_address, parse_address_list
from mailward.message.date_time import date_time
from mailward.message.field import ADDRESS_FIELDS, address_text, check_name, check_value, fold, unstructured
from mailward.message.serialise import wire_policy
from mailward.message.transfer_encoding import encoded, is_carried, normalised
from mailward.printable import printable

_OURS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version"})
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++(?>(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++)*)"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[!-Z^-~]*+\])>")


def compose(
    *,
    sender: str,
    to: str | Sequence[str],
    subject: str,
    date: datetime,
    message_id: str,
    text: str | None = None,
    html: str | None = None,
    cc: str | Sequence[str] = (),
    bcc: str | Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    eight_bit: bool = False,
) -> EmailMessage:
    """A finished message; `mailward.message.content` makes octets of it, and attachments may still be added.

    Each address is `ann@example.test` or `Ann <ann@example.test>`, one to a string. `date` must be aware; `message_id`
    is `<left@right>`. `headers`: more fields, as plain text. Of `text` and `html` the reader's program chooses.
    `eight_bit`: leave UTF-8 as it is in bodies, for servers with 8BITMIME. Raises InvalidAddress and InvalidMessage.
    """
    message = EmailMessage(policy=wire_policy())
    _add(message, "From", _addresses([sender]))
    for name, addresses in (("To", to), ("Cc", cc), ("Bcc", bcc)):
        if addresses:
            _add(message, name, _addresses([addresses] if isinstance(addresses, str) else addresses))
    if not (to or cc or bcc):
        raise InvalidMessage("the message has no recipient")
    _add_text(message, "Subject", subject)
    _add(message, "Date", date_time(date))
    _add(message, "Message-ID", _checked_id(message_id))
    for name, value in (headers or {}).items():
        _add_extra(message, name, value)
    _add(message, "MIME-Version", "1.0")
    _add_body(message, text, html, eight_bit=eight_bit)
    return message


def _add(message: EmailMessage, name: str, value: str) -> None:
    message[name] = fold(name, value)


def _add_text(message: EmailMessage, name: str, value: str) -> None:
    check_value(name, value)
    _add(message, name, unstructured(value))


def _add_extra(message: EmailMessage, name: str, value: str) -> None:
    check_name(name)
    if name.lower() in _OURS or name.lower().startswith("content-"):
        raise InvalidMessage(f"header {printable(name, 80)} is written by compose() itself")
    if name.lower() in ADDRESS_FIELDS:
        _add(message, name, address_text(parse_address_list(value)))
    else:
        _add_text(message, name, value)


def _addresses(texts: Sequence[str]) -> str:
    return address_text(tuple(parse_address(text) for text in texts))


def _checked_id(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise InvalidMessage(f"{printable(message_id, 80)!r} is no message id; one looks like <unique@host.example>")
    return message_id


def _add_body(message: EmailMessage, text: str | None, html: str | None, *, eight_bit: bool) -> None:
    bodies = [(kind, body) for kind, body in (("plain", text), ("html", html)) if body is not None]
    if not bodies:
        raise InvalidMessage("the message has neither text nor html")
    if len(bodies) == 1:
        _fill(message, *bodies[0], eight_bit=eight_bit)
        return
    message["Content-Type"] = f'multipart/alternative;\r\n boundary="{_boundary(message, bodies)}"'
    for kind, body in bodies:
        part = EmailMessage(policy=message.policy)
        _fill(part, kind, body, eight_bit=eight_bit)
        message.attach(part)


def _fill(part: EmailMessage, kind: str, body: str, *, eight_bit: bool) -> None:
    octets = _octets(body)
    if is_carried(octets, eight_bit=eight_bit):
        encoding = "7bit" if octets.isascii() else "8bit"
        payload = octets.decode("ascii", "surrogateescape")
    else:
        encoding, payload = encoded(octets, text=True)
    part["Content-Type"] = f'text/{kind}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(payload)


def _octets(body: str) -> bytes:
    try:
        octets = normalised(body.encode())
    except UnicodeEncodeError as error:
        raise InvalidMessage(f"a lone surrogate at character {error.start + 1} of the body") from error
    return octets if not octets or octets.endswith(b"\r\n") else octets + b"\r\n"


def _boundary(message: EmailMessage, bodies: list[tuple[str, str]]) -> str:
    """A digest of what it must not occur in. `=_` occurs in no quoted-printable or base64 line (RFC 2045 §6.7)."""
    digest = sha256(str(message["Message-ID"]).encode())
    for _, body in bodies:
        digest.update(b"\0" + body.encode("utf-8", "surrogatepass"))
    return f"=_{digest.hexdigest()[:40]}"
