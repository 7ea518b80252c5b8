"""`AsyncClient`: the same as `Client` for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack
from weakref import WeakSet

from mailward.client.deliver import Deliverer
from mailward.client.many_async import AsyncCrew, AsyncSingle
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.raw import prepare_raw
from mailward.client.submission import Submission, prepare
from mailward.net.aio import AioPorts
from mailward.net.ports import too_late
from mailward.net.tasks import TaskSlots

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable
    from types import TracebackType

    from mailward.client.check import CheckReport
    from mailward.client.how import SendArguments
    from mailward.client.judgement import Delivery
    from mailward.client.options import ClientArguments
    from mailward.client.raw import AnyStream
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients


class AsyncClient:
    """Sends through one server. Connects when `with` is entered, else at the first `send`, and keeps the session.

    The parameters are those of `Client`. Its sessions belong to the event loop they were opened in:
    in another `asyncio.run` it opens new ones.
    """

    one_server = True  # so that an Outbox may ask it what became of a message (X-IDEMPOTENT)

    def __init__(self, host_or_url: str, port: int | None = None, **options: Unpack[ClientArguments]) -> None:
        try:
            parsed = client_options(host_or_url, port, **options)
        finally:
            del host_or_url  # a traceback that shows local variables must not show a password
            options.pop("auth", None)
            options.pop("proxy", None)
            options.pop("cert", None)
        self._deliverer = Deliverer(parsed, AioPorts(), Pool())
        self._slots = TaskSlots(parsed.limits.connections)
        self._under_way: WeakSet[AsyncSingle] = WeakSet()

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
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Receipt:
        """Sends `message` (EmailMessage, Message or bytes) once and tells what became of it.

        sender, recipients: the envelope; from the header where they are None. A sender of "" is the null reverse-path.
        how: as `mailward.client.how.SendArguments` tells.
        Some recipients refused is an outcome of "partial". Nobody accepted raises RecipientsRefused, PermanentReply
        or TransientReply; a lost verdict raises OutcomeUnknown; each carries `.receipt`. Nothing is sent twice.
        A cancelled `send` drops its connection; whether the message was accepted is then not known.
        """
        return (
            await self._deliver(
                self._deliverer.finish(
                    prepare(message, sender=sender, recipients=recipients, how=self._deliverer.how(**how))
                )
            )
        ).result()

    def send_many(
        self,
        messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> AsyncGenerator[Receipt, None]:
        """Sends many messages and gives a receipt for each, in order, as they are asked for.

        Some are taken from `messages` and are on their way before the receipt of the first is asked for, over as many
        connections as `limits=` allows; no more than fit, however many there are.
        A message that is refused, cannot be used, or is lost on the way does not stop the rest: see its receipt.
        Raises what would befall all the rest too: no connection, no TLS, no login.
        """
        treated = self._deliverer.how(**how)

        def prepared(message: AnyMessage) -> Submission:
            return self._deliverer.finish(prepare(message, sender=sender, recipients=recipients, how=treated))

        many = AsyncCrew if self._deliverer.connections > 1 else AsyncSingle
        sending = many(self._deliverer, self._slots, self._slot, prepared)
        if isinstance(sending, AsyncSingle):
            self._under_way.add(sending)
        return sending.receipts(messages)

    async def send_raw(
        self,
        content: AnyStream,
        *,
        sender: str,
        recipients: AnyRecipients,
        **how: Unpack[SendArguments],
    ) -> Receipt:
        """Sends a finished message octet by octet: bytes, a path, or an open binary file or stream.

        What cannot be sent as it is (a bare CR or LF, NUL, a line over 998 octets, Bcc) is refused, never mended. It
        is read in pieces, so that it may be larger than memory. Returns and raises as `send` does.
        """
        submission = prepare_raw(content, sender=sender, recipients=recipients, how=self._deliverer.how(**how))
        return (await self._deliver(self._deliverer.finish(submission))).result()

    async def check(self) -> CheckReport:
        """Does everything a send does but the mail: connects, secures, looks at the offers, logs in once, leaves.

        What is wrong is in the report, not raised.
        """
        return await self._deliverer.check()

    async def close(self) -> None:
        """Ends the sessions that are open. The client may be used again, and then connects anew."""
        await self._make_way()
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
        if await self._slots.acquire(within=0):
            return until
        await self._make_way()
        if not await self._slots.acquire(within=self._deliverer.total):
            raise too_late("waiting for a connection of this client to be free")
        return until

    async def _make_way(self) -> None:
        """A `send_many` that waits for its caller gives its connection back."""
        for single in tuple(self._under_way):
            await single.make_way()
