"""The message a program hands to sendmail, with what it left out: From, Date and Message-ID (RFC 6409 §8)."""

from __future__ import annotations

import getpass
from socket import gethostname
from typing import TYPE_CHECKING, Final

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.address_list import Address, parse_address
from mailward.message.content import octets_of
from mailward.message.date_time import date_time
from mailward.message.envelope import recipients_of
from mailward.message.field import address_text, field, fold
from mailward.message.headers import fields
from mailward.net.clock import Clock
from mailward.printable import printable
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from mailward.cli.sendmail_arguments import SendmailArguments

_MOST_RECIPIENTS: Final = 10_000
_RECIPIENTS: Final = frozenset(prefix + name for prefix in ("", "resent-") for name in ("to", "cc", "bcc"))


def completed(data: bytes, asked: SendmailArguments, *, default: str | None) -> tuple[bytes, str, tuple[Mailbox, ...]]:
    """Content, reverse-path and forward-paths. `default`: whose mail it is if nobody says. Raises InputError."""
    octets = octets_of(_with_header_end(data))
    names = {name for name, _ in fields(octets)}
    author = _author(asked, default)
    missing = _missing(names, author)
    recipients = [_recipient(address) for address in asked.recipients]
    if asked.from_header and (names & _RECIPIENTS or not recipients):
        recipients += recipients_of(octets)
    if not recipients:
        raise InvalidMessage("there is no recipient", advice="name one, or give -t to take those of the header")
    if len(recipients) > _MOST_RECIPIENTS:
        raise InputError(f"more than {_MOST_RECIPIENTS} recipients")
    sender = "" if asked.sender == "" else str(author.mailbox)
    return missing.encode() + octets, sender, tuple(dict.fromkeys(recipients))


def _recipient(address: str) -> Mailbox:
    try:
        return Mailbox.parse(address)
    except InvalidAddress as error:
        raise InvalidAddress(f"recipient {printable(address, 80)!r}: {error.message}") from error


def _missing(names: set[str], author: Address) -> str:
    clock, missing = Clock(), ""
    if "from" not in names:
        missing += field("From", fold("From", address_text((author,))))
    if "date" not in names:
        missing += field("Date", date_time(clock.utc()))
    if "message-id" not in names:
        missing += field("Message-ID", f"<{clock.nonce()}@{author.mailbox.domain}>")
    return missing


def _author(asked: SendmailArguments, default: str | None) -> Address:
    """Whose mail it is. A name without a domain, as `-f root`, is one of the default's domain, or of this machine."""
    text = asked.sender or default or _login()
    if "@" not in text:
        text = f"{text}@{parse_address(default).mailbox.domain if default and '@' in default else gethostname()}"
    author = parse_address(text)
    return Address(author.mailbox, asked.full_name) if asked.full_name else author


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "nobody"


def _with_header_end(data: bytes) -> bytes:
    """A program may give a body alone: it is one if its first line is no header field. `From ann …` is of a mailbox."""
    first, _, rest = data.partition(b"\n")
    if first.startswith(b"From ") and b":" not in first.split(b" ")[1]:
        return _with_header_end(rest) if rest else data
    name, colon, _ = first.rstrip(b"\r").partition(b":")
    is_field = bool(colon) and name.isascii() and bool(name) and not set(name) & set(b" \t")
    return data if is_field or not first.rstrip(b"\r") else b"\n" + data
