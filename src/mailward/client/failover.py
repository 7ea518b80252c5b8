"""`Failover` and `RoundRobin`: several ways out with the face of one, never twice by two of them.

A message goes on to the next server only where the one before cannot have taken it: no connection, no login, a 4yz.
What was accepted for some recipients stays so, and the others alone go on. After a lost reply nothing goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.ensemble import Ensemble
from mailward.client.how import How
from mailward.client.raw import prepare_raw
from mailward.client.submission import prepare
from mailward.client.transports.face import each, receipt_of
from mailward.errors import MailwardError
from mailward.net.blocking import BlockingPorts, run_blocking

if TYPE_CHECKING:
    from types import TracebackType

    from mailward.client.how import SendArguments
    from mailward.client.raw import AnyStream
    from mailward.client.receipt import Receipt
    from mailward.client.sender import Way
    from mailward.client.submission import AnyMessage, AnyRecipients


class Failover:
    """The first of `clients` that is well; the others take over while it is not.

    One that failed rests `pause` seconds, longer each time, and is then tried with one message. `clients` are Clients
    or transports; they are closed with it.
    """

    _turns = False

    def __init__(self, clients: Sequence[Way], *, pause: float = 30.0) -> None:
        self._ports = BlockingPorts()
        self._ensemble = Ensemble(clients, self._ports, pause=pause, turns=self._turns)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._ensemble!r})"

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
        """As `Client.send`; the receipt tells of each recipient, and its `host` is that of the last server."""
        submission = prepare(message, sender=sender, recipients=recipients, how=How.of(**how), ports=self._ports)
        return run_blocking(self._ensemble.send(submission, how))

    def send_many(
        self,
        messages: Iterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> Iterator[Receipt]:
        """One after the other; a receipt for each, in order, also for those that were refused."""
        for message in messages:
            try:
                receipt = self.send(message, sender=sender, recipients=recipients, **how)
            except MailwardError as error:
                receipt = receipt_of(error)
            yield receipt

    def send_raw(
        self, content: AnyStream, *, sender: str, recipients: AnyRecipients, **how: Unpack[SendArguments]
    ) -> Receipt:
        """As `Client.send_raw`: octets as they are."""
        submission = prepare_raw(content, sender=sender, recipients=recipients, how=How.of(**how))
        return run_blocking(self._ensemble.send(submission, how))

    def close(self) -> None:
        """Closes every client."""
        run_blocking(self._ensemble.close())


class RoundRobin(Failover):
    """Each of `clients` in turn, but for those that are not well."""

    _turns = True


class AsyncFailover:
    """The same as `Failover` for asyncio, with AsyncClients."""

    _turns = False

    def __init__(self, clients: Sequence[Way], *, pause: float = 30.0) -> None:
        from mailward.net.aio import AioPorts  # noqa: PLC0415 - asyncio is loaded by who uses it

        self._ports = AioPorts()
        self._ensemble = Ensemble(clients, self._ports, pause=pause, turns=self._turns)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._ensemble!r})"

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
        """As `AsyncClient.send`; the receipt tells of each recipient, and its `host` is that of the last server."""
        submission = prepare(message, sender=sender, recipients=recipients, how=How.of(**how), ports=self._ports)
        return await self._ensemble.send(submission, how)

    async def send_many(
        self,
        messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> AsyncIterator[Receipt]:
        """One after the other; a receipt for each, in order, also for those that were refused."""
        async for message in each(messages):
            try:
                receipt = await self.send(message, sender=sender, recipients=recipients, **how)
            except MailwardError as error:
                receipt = receipt_of(error)
            yield receipt

    async def send_raw(
        self, content: AnyStream, *, sender: str, recipients: AnyRecipients, **how: Unpack[SendArguments]
    ) -> Receipt:
        """As `AsyncClient.send_raw`: octets as they are."""
        submission = prepare_raw(content, sender=sender, recipients=recipients, how=How.of(**how))
        return await self._ensemble.send(submission, how)

    async def close(self) -> None:
        """Closes every client."""
        await self._ensemble.close()


class AsyncRoundRobin(AsyncFailover):
    """Each of `clients` in turn, but for those that are not well."""

    _turns = True
