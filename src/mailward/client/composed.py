"""The message that `mailward.send` makes of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.errors import InvalidMessage
from mailward.message.address_list import parse_address
from mailward.message.compose import compose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

    from mailward.net.ports import Ports


def composed(
    ports: Ports,
    *,
    sender: str | None,
    to: str | Sequence[str] | None,
    subject: str | None,
    text: str | None,
    html: str | None,
) -> EmailMessage:
    """`sender` and each of `to`: `ann@example.test` or `Ann <ann@example.test>`. Raises InputError."""
    if not sender:
        raise InvalidMessage("the message has no sender", advice="give sender=, or log in with an address")
    if not to:
        raise InvalidMessage("the message has no recipient", advice="give to=, or message=")
    domain = parse_address(sender).mailbox.domain
    return compose(
        sender=sender,
        to=to,
        subject=subject or "",
        text=text,
        html=html,
        date=ports.utc(),
        message_id=f"<{ports.nonce()}@{domain}>",
    )
