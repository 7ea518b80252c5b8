"""One message as it will be sent, checked before anything is opened (RFC 5321 §2.3.1: envelope and content)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from mailward.client.how import NO_HOW, How
from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.builder import Message
from mailward.message.content import content_of, needs_8bit, needs_smtputf8_headers, octets_of
from mailward.message.envelope import recipients_of, sender_of
from mailward.message.headers import header
from mailward.message.octets import Prefixed, header_of
from mailward.net.clock import Clock
from mailward.printable import printable
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from email.message import Message as StandardMessage

    from mailward.client.options import Signer
    from mailward.message.octets import Octets
    from mailward.net.ports import Ports

    AnyMessage: TypeAlias = Message | StandardMessage[Any, Any] | Octets | bytes
    AnyRecipients: TypeAlias = str | Mailbox | Iterable[str | Mailbox]


@dataclass(frozen=True, slots=True)
class Submission:
    """`sender`: None is the null reverse-path. `content`: final octets with CRLF.

    name: fresh and unguessable, for a server that takes one message once, and for ENVID; "" without one. dkim: the
    signatures in `content`, as `selector._domainkey.domain`.
    """

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]
    content: bytes | Octets = field(repr=False)
    eight_bit: bool
    smtputf8: bool
    how: How = NO_HOW
    name: str = ""
    message_id: str = ""
    dkim: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, sender: Mailbox | None, recipients: tuple[Mailbox, ...], content: bytes | Octets, how: How = NO_HOW
    ) -> Submission:
        """Of octets that are to be sent as they are, such as a relay's."""
        if isinstance(content, bytes):
            eight_bit = needs_8bit(content)
            headers = eight_bit and needs_smtputf8_headers(content)
        else:
            eight_bit, headers = content.eight_bit, content.smtputf8_headers
        smtputf8 = (
            headers
            or (sender is not None and sender.needs_smtputf8)
            or any(mailbox.needs_smtputf8 for mailbox in recipients)
        )
        return cls(sender, recipients, content, eight_bit, smtputf8, how)

    @property
    def size(self) -> int:
        """Octets of the content."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


def prepare(
    message: AnyMessage,
    *,
    sender: str | Mailbox | None = None,
    recipients: AnyRecipients | None = None,
    how: How = NO_HOW,
    ports: Ports | None = None,
) -> Submission:
    """`sender`: "" is the null reverse-path; what is None comes from the header. Raises InputError.

    `ports`: whose clock and chance give a Message the Date and the Message-ID it has not.
    """
    said: Message | bytes
    content: bytes | Octets
    both_given = sender is not None and recipients is not None
    if isinstance(message, Message):
        said, content = message, message.complete((ports or Clock()).utc, (ports or Clock()).nonce).as_octets()
    elif isinstance(message, bytes) or _is_standard(message):
        said, content = b"" if both_given else octets_of(message), content_of(message)
    elif _is_octets(message):
        said, content = b"" if both_given else header_of(message), message
    else:
        raise InvalidMessage("the message must be a mailward.Message, an email.message.EmailMessage, or octets")
    return Submission.of(
        _said_sender(said) if sender is None else _reverse_path(sender),
        _said_recipients(said) if recipients is None else _forward_paths(recipients),
        content,
        how,
    )


def finished(submission: Submission, ports: Ports, signers: Iterable[Signer] = ()) -> Submission:
    """Signed, named, and with its Message-ID known. Raises InputError where it cannot be signed."""
    content = submission.content
    dkim: tuple[str, ...] = ()
    for signer in signers:
        fields = signer.sign(content, at=_signed_at(submission, ports))
        content = fields + content if isinstance(content, bytes) else Prefixed(fields, content)
        dkim += signer.names
    head = submission.content if isinstance(submission.content, bytes) else header_of(submission.content)
    message_id = printable((header(head, "message-id") or b"").decode("utf-8", "replace"), 998)
    sender, recipients = submission.sender, submission.recipients
    return Submission(  # `replace` takes three times as long, and this is done for each of many
        sender,
        recipients,
        content,
        submission.eight_bit,
        submission.smtputf8,
        submission.how,
        name=ports.nonce(),
        message_id=message_id,
        dkim=dkim,
    )


def _signed_at(submission: Submission, ports: Ports) -> datetime:
    """The message's own Date where its key was given: said again under that key, it must be the same octets."""
    if submission.how.key is not None:
        from email.policy import default  # noqa: PLC0415 - large, and seldom needed

        head = submission.content if isinstance(submission.content, bytes) else header_of(submission.content)
        said = default.header_factory("Date", (header(head, "date") or b"").decode("ascii", "replace"))
        date: datetime | None = said.datetime
        if date is not None:
            return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return ports.utc()


def _is_standard(message: object) -> TypeGuard[StandardMessage[Any, Any]]:
    """Without the email package, which is large and may never be needed."""
    return hasattr(message, "get_payload")


def _is_octets(message: object) -> TypeGuard[Octets]:
    return hasattr(message, "pieces")


def _said_sender(said: Message | bytes) -> Mailbox | None:
    return said.reverse_path if isinstance(said, Message) else sender_of(said)


def _said_recipients(said: Message | bytes) -> tuple[Mailbox, ...]:
    return said.forward_paths if isinstance(said, Message) else recipients_of(said)


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
    return _parsed(address)


@lru_cache(maxsize=4096)  # senders and recipients come again; a Mailbox never changes
def _parsed(address: str) -> Mailbox:
    return Mailbox.parse(address)
