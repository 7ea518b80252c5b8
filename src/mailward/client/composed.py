"""The message that `mailward.send` makes of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mailward.errors import InvalidMessage
from mailward.message.builder import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailward.message.attachment import Attachment
    from mailward.message.files import AnyFile, AnyPath

    AnyAttachments: TypeAlias = AnyPath | Sequence[AnyFile | Attachment]


def composed(
    *,
    sender: str | None,
    to: str | Sequence[str] | None,
    subject: str | None,
    text: str | None,
    html: str | None,
    cc: str | Sequence[str] | None = None,
    bcc: str | Sequence[str] | None = None,
    reply_to: str | Sequence[str] | None = None,
    attach: AnyAttachments | None = None,
    headers: Mapping[str, str] | None = None,
) -> Message:
    """Addresses: `ann@example.test` or `Ann <ann@example.test>`; `attach`: paths or open files. Raises InputError."""
    if not sender:
        raise InvalidMessage("the message has no sender", advice="give sender=, or log in with an address")
    if not (to or cc or bcc):
        raise InvalidMessage("the message has no recipient", advice="give to=, or message=")
    message = Message(
        from_=sender,
        to=to or (),
        cc=cc or (),
        bcc=bcc or (),
        reply_to=reply_to or (),
        subject=subject or "",
        text=text,
        html=html,
        headers=headers,
    )
    files = () if attach is None else [attach] if isinstance(attach, str) or hasattr(attach, "__fspath__") else attach
    for file in files:
        message.attach(file)
    return message
