"""A short message as the standard library has it, all at once: what a program of ours has to say (RFC 5322)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage

from mailward.errors import InvalidMessage
from mailward.message.builder import Message


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
    message = Message(
        sender=sender,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=subject,
        text=text,
        html=html,
        headers=headers,
        date=date,
        message_id=message_id,
    )
    if not (to or cc or bcc):
        raise InvalidMessage("the message has no recipient")
    return message.as_email_message(eight_bit=eight_bit)
