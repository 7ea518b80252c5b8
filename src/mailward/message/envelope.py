"""The envelope that a message's own header asks for (RFC 5322 §3.6.2, §3.6.3, §3.6.6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from mailward.errors import InvalidAddress, InvalidMessage
from mailward.message.address_list import parse_mailboxes
from mailward.message.headers import fields
from mailward.wire.address import Mailbox

_RESENT = ("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc")
_READ = frozenset({"from", "sender", "to", "cc", "bcc", *_RESENT})


@dataclass(frozen=True, slots=True)
class Envelope:
    """Reverse-path (None is the null path `<>`) and forward-paths, each recipient once."""

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]


def envelope_of(octets: bytes) -> Envelope:
    """The envelope from the header of a whole message, Bcc still in it (`mailward.message.content.octets_of`).

    Sender, else From; To, Cc and Bcc; of a resent message the Resent- fields alone. Never the null reverse-path.
    Raises InvalidAddress or InvalidMessage for whatever two readers could read differently.
    """
    return Envelope(sender_of(octets), recipients_of(octets))


def sender_of(octets: bytes) -> Mailbox:
    """The reverse-path of `envelope_of`."""
    values, prefix = _values(octets)
    sender = _only(values, f"{prefix}sender")
    authors = _only(values, f"{prefix}from")
    mailboxes = sender or authors
    if len(mailboxes) == 1:
        return mailboxes[0]
    if not mailboxes:
        raise InvalidMessage("the header names no sender", advice="add From, or give the sender explicitly")
    raise InvalidMessage("more than one mailbox in From or Sender", advice="add Sender, or give the sender explicitly")


def recipients_of(octets: bytes) -> tuple[Mailbox, ...]:
    """The forward-paths of `envelope_of`; at least one."""
    values, prefix = _values(octets)
    names = [f"{prefix}{name}" for name in ("to", "cc", "bcc")]
    recipients = dict.fromkeys(mailbox for name in names for value in values[name] for mailbox in _read(name, value))
    if not recipients:
        raise InvalidMessage("the header names no recipient", advice="add To, or give the recipients explicitly")
    return tuple(recipients)


def _values(octets: bytes) -> tuple[Mapping[str, list[bytes]], str]:
    values: defaultdict[str, list[bytes]] = defaultdict(list)
    for name, value in fields(octets):
        if name in _READ:
            values[name].append(value)
    resent = [len(values[name]) for name in _RESENT if name in values]
    if any(count > 1 for count in resent):
        raise InvalidMessage("the message was resent more than once", advice="give the envelope explicitly")
    return values, "resent-" if resent else ""


def _only(values: Mapping[str, list[bytes]], name: str) -> tuple[Mailbox, ...]:
    if name not in values:
        return ()
    if len(values[name]) > 1:
        raise InvalidMessage(f"more than one {name} field", advice="give the sender explicitly")
    mailboxes = _read(name, values[name][0])
    if name.endswith("sender") and len(mailboxes) != 1:
        raise InvalidMessage(f"the {name} field must hold exactly one mailbox (RFC 5322 §3.6.2)")
    return mailboxes


def _read(name: str, value: bytes) -> tuple[Mailbox, ...]:
    try:
        return parse_mailboxes(value)
    except InvalidAddress as error:
        raise InvalidAddress(f"header {name}: {error.message}", advice=error.advice) from error
