"""What a sender is to those who send through one: a Client, a transport, or several of them, synchronous or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Unpack

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mailward.client.how import SendArguments
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients


class Sender(Protocol):
    """Gives a receipt, or raises a MailwardError that may carry one."""

    def send(
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Receipt | Awaitable[Receipt]: ...


class Way(Sender, Protocol):
    """A Sender that is closed by who was given it."""

    def close(self) -> object: ...
