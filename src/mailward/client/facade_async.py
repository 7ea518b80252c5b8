"""`AsyncClient`: the same as `Client` for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.deliver import Deliverer, Delivery, unusable
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.submission import Submission, prepare
from mailward.errors import InputError
from mailward.net.aio import AioPorts
from mailward.net.ports import too_late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from types import TracebackType

    from mailward.client.options import ClientArguments
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients


class AsyncClient:
    """Sends through one server. Connects when `with` is entered, else at the first `send`, and keeps the session.

    The parameters are those of `Client`. A client belongs to the event loop it is first used in.
    """

    def __init__(self, host_or_url: str, port: int | None = None, **options: Unpack[ClientArguments]) -> None:
        try:
            parsed = client_options(host_or_url, port, **options)
        finally:
            del host_or_url  # a traceback that shows local variables must not show a password
            options.pop("auth", None)
        self._deliverer = Deliverer(parsed, AioPorts(), Pool())
        self._slots = asyncio.BoundedSemaphore(parsed.limits.connections)

    def __repr__(self) -> str:
        told = getattr(self, "_deliverer", "…")  # a traceback shows us even where the options were refused
        return f"{type(self).__name__}({told})"

    async def __aenter__(self) -> Self:
        until = await self._slot()
        try:
            await self._deliverer.warm(until=until)
        finally:
            self._slots.release()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self, message: AnyMessage, *, sender: str | None = None, recipients: AnyRecipients | None = None
    ) -> Receipt:
        """Sends `message` (EmailMessage, Message or bytes) once and tells what became of it.

        sender, recipients: the envelope; from the header where they are None. A sender of "" is the null reverse-path.
        Some recipients refused is an outcome of "partial". Nobody accepted raises RecipientsRefused, PermanentReply
        or TransientReply; a lost verdict raises OutcomeUnknown; each carries `.receipt`. Nothing is sent twice.
        A cancelled `send` drops its connection; whether the message was accepted is then not known.
        """
        return (await self._deliver(prepare(message, sender=sender, recipients=recipients))).result()

    async def send_many(
        self,
        messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
    ) -> AsyncIterator[Receipt]:
        """Sends one message after the other and gives a receipt for each, in order, as they are asked for.

        A message that is refused, cannot be used, or is lost on the way does not stop the rest: see its receipt.
        Raises what would befall all the rest too: no connection, no TLS, no login.
        """
        async for message in _each(messages):
            try:
                submission = prepare(message, sender=sender, recipients=recipients)
            except InputError as error:
                yield unusable(error)
            else:
                yield (await self._deliver(submission)).receipt

    async def close(self) -> None:
        """Ends the sessions that are open. The client may be used again, and then connects anew."""
        await self._deliverer.close()

    async def _deliver(self, submission: Submission) -> Delivery:
        until = await self._slot()
        try:
            return await self._deliverer.deliver(submission, until=until)
        finally:
            self._slots.release()

    async def _slot(self) -> float | None:
        """Waits until one more connection may be used; gives the end of this call."""
        until = self._deliverer.end_of_call()
        if not self._slots.locked():  # the fast path sets no timer
            await self._slots.acquire()
            return until
        try:
            async with asyncio.timeout(self._deliverer.total):
                await self._slots.acquire()
        except TimeoutError:
            raise too_late("waiting for a connection of this client to be free") from None
        return until


async def _each(messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage]) -> AsyncIterator[AnyMessage]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message
