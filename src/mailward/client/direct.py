"""`DirectClient` and `AsyncDirectClient`: straight to the servers of each recipient's domain, without a relay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.direct_delivery import Director, DirectReceipt, Kept
from mailward.client.direct_options import INSECURE_OPPORTUNISTIC, DirectArguments, DirectTls, direct_options
from mailward.client.how import How, SendArguments
from mailward.client.judgement import unusable
from mailward.client.submission import prepare
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from types import TracebackType

    from mailward.client.judgement import Delivery
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients, Submission

__all__ = ["INSECURE_OPPORTUNISTIC", "AsyncDirectClient", "DirectClient", "DirectReceipt", "DirectTls"]


class DirectClient:
    """Delivers to the servers that each recipient's domain names, on port 25, as safely as the domain asks for.

    options: each by its name, as `mailward.client.direct_options.DirectArguments` tells them. Sessions are kept between
    the messages of one `send_many`. May be used by several threads at once.
    """

    def __init__(self, **options: Unpack[DirectArguments]) -> None:
        self._director = Director(direct_options(**options), BlockingPorts())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Receipt:
        """Delivers `message` once to every domain of its recipients, and tells what became of it with each.

        The receipt is a `DirectReceipt`. Raises when nobody was accepted, or when with one domain it is unknown: the
        first domain's error, with the receipt of all. `RouteError`: no server of the domain may be used.
        """
        return self._deliver(prepare(message, sender=sender, recipients=recipients, how=How.of(**how))).result()

    def send_many(
        self,
        messages: Iterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Iterator[Receipt]:
        """Delivers one message after the other and gives a receipt for each, in order; nothing stops the rest."""
        treatment = How.of(**how)
        kept: Kept = {}
        try:
            for message in messages:
                try:
                    submission = prepare(message, sender=sender, recipients=recipients, how=treatment)
                    receipt = run_blocking(self._director.deliver(submission, kept)).receipt
                except InputError as error:
                    receipt = unusable(error)
                yield receipt
        finally:
            run_blocking(self._director.end(kept))

    def close(self) -> None:
        """There is nothing to close; for the same shape as `Client`."""

    def _deliver(self, submission: Submission) -> Delivery:
        return run_blocking(self._director.deliver(submission))


class AsyncDirectClient:
    """The same on a running asyncio loop. Several tasks may send at once."""

    def __init__(self, **options: Unpack[DirectArguments]) -> None:
        from mailward.net.aio import AioPorts  # noqa: PLC0415 - asyncio is loaded where it is used

        self._director = Director(direct_options(**options), AioPorts())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Receipt:
        """As `DirectClient.send`."""
        submission = prepare(message, sender=sender, recipients=recipients, how=How.of(**how))
        return (await self._director.deliver(submission)).result()

    async def send_many(
        self,
        messages: Iterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> AsyncIterator[Receipt]:
        """As `DirectClient.send_many`."""
        treatment = How.of(**how)
        kept: Kept = {}
        try:
            for message in messages:
                try:
                    submission = prepare(message, sender=sender, recipients=recipients, how=treatment)
                    receipt = (await self._director.deliver(submission, kept)).receipt
                except InputError as error:
                    receipt = unusable(error)
                yield receipt
        finally:
            await self._director.end(kept)

    async def close(self) -> None:
        """There is nothing to close; for the same shape as `AsyncClient`."""
