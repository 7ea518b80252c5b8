"""One message as it will be sent, checked before anything is opened (RFC 5321 §2.3.1: envelope and content)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mailward.client.how import NO_HOW, How
from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.content import content_of, needs_8bit, needs_smtputf8_headers, octets_of
from mailward.message.envelope import recipients_of, sender_of
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from email.message import Message

    AnyMessage: TypeAlias = Message[Any, Any] | bytes
    AnyRecipients: TypeAlias = str | Mailbox | Iterable[str | Mailbox]


@dataclass(frozen=True, slots=True)
class Submission:
    """`sender`: None is the null reverse-path. `content`: final octets with CRLF."""

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]
    content: bytes = field(repr=False)
    eight_bit: bool
    smtputf8: bool
    how: How = NO_HOW

    @classmethod
    def of(
        cls, sender: Mailbox | None, recipients: tuple[Mailbox, ...], content: bytes, how: How = NO_HOW
    ) -> Submission:
        """Of octets that are to be sent as they are, such as a relay's."""
        eight_bit = needs_8bit(content)
        smtputf8 = (
            (sender is not None and sender.needs_smtputf8)
            or any(mailbox.needs_smtputf8 for mailbox in recipients)
            or (eight_bit and needs_smtputf8_headers(content))
        )
        return cls(sender, recipients, content, eight_bit, smtputf8, how)


def prepare(
    message: AnyMessage,
    *,
    sender: str | Mailbox | None = None,
    recipients: AnyRecipients | None = None,
    how: How = NO_HOW,
) -> Submission:
    """`sender`: "" is the null reverse-path; what is None comes from the header. Raises InputError."""
    if not isinstance(message, bytes) and not hasattr(message, "get_payload"):
        raise InvalidMessage("the message must be an email.message.EmailMessage, a Message or bytes")
    header = b"" if sender is not None and recipients is not None else octets_of(message)
    return Submission.of(
        sender_of(header) if sender is None else _reverse_path(sender),
        recipients_of(header) if recipients is None else _forward_paths(recipients),
        content_of(message),
        how,
    )


def _reverse_path(sender: str | Mailbox) -> Mailbox | None:
    return None if sender == "" else _mailbox(sender)


def _forward_paths(recipients: AnyRecipients) -> tuple[Mailbox, ...]:
    given = [recipients] if isinstance(recipients, str | Mailbox) else recipients
    mailboxes = tuple(dict.fromkeys(map(_mailbox, given)))
    if not mailboxes:
        raise InputError("the message has no recipient", phase="options", advice="give at least one in recipients=")
    return mailboxes


def _mailbox(address: str | Mailbox) -> Mailbox:
    if isinstance(address, Mailbox):
        return address
    if not isinstance(address, str):
        raise InvalidAddress(f"an address must be a str, not {type(address).__name__}")
    return Mailbox.parse(address)
