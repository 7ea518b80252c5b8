"""What every transport has: the face of a Client, synchronous and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.how import How
from mailward.client.judgement import not_sent, unusable
from mailward.client.raw import prepare_raw
from mailward.client.receipt import Outcome, Receipt, RecipientResult
from mailward.client.submission import Submission, prepare
from mailward.errors import InputError, MailwardError
from mailward.net.blocking import BlockingPorts

if TYPE_CHECKING:
    from types import TracebackType

    from mailward.client.how import SendArguments
    from mailward.client.options import Signer
    from mailward.client.raw import AnyStream
    from mailward.client.submission import AnyMessage, AnyRecipients
    from mailward.net.ports import Ports


class Transport:
    """`dkim`: what signs each message, as for a Client. A transport serves any number of threads."""

    name: str

    def __init__(self, *, dkim: Signer | Sequence[Signer] = ()) -> None:
        self._ports: Ports = BlockingPorts()
        self._signers: tuple[Signer, ...] = tuple(dkim) if isinstance(dkim, Sequence) else (dkim,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

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
        """As `Client.send`: gives a receipt, or raises an error that carries one."""
        treated = How.of(**how)
        return self._sent(prepare(message, sender=sender, recipients=recipients, how=treated, ports=self._ports))

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
        return self._sent(prepare_raw(content, sender=sender, recipients=recipients, how=How.of(**how)))

    def close(self) -> None:
        """Nothing is kept open."""

    def _deliver(self, submission: Submission, pieces: Iterator[bytes]) -> str:
        """Hands the octets on and gives their name there. Raises a MailwardError, with a receipt if it knows more."""
        raise NotImplementedError

    def _sent(self, submission: Submission) -> Receipt:
        try:
            _check(submission.how)
            name = self._deliver(submission, self._octets(submission))
        except MailwardError as error:
            error.receipt = error.receipt or not_sent(submission, error)
            raise
        return self._receipt(submission, Outcome.ACCEPTED, queue_id=name)

    def _receipt(self, submission: Submission, outcome: Outcome, *, queue_id: str = "", error: str = "") -> Receipt:
        accepted = outcome is Outcome.ACCEPTED
        return Receipt(
            outcome=outcome,
            recipients=tuple(RecipientResult(str(mailbox), accepted=accepted) for mailbox in submission.recipients),
            sender=str(submission.sender or ""),
            queue_id=queue_id or None,
            error=error,
            host=self.name,
            dkim=tuple(name for signer in self._signers for name in signer.names),
            not_offered=("DSN",) if submission.how.dsn is not None else (),
        )

    def _octets(self, submission: Submission) -> Iterator[bytes]:
        content = submission.content
        for signer in self._signers:
            yield signer.sign(content, at=self._ports.utc())
        if isinstance(content, bytes):
            yield content
        else:
            yield from content.pieces()


class AsyncTransport:
    """A transport for asyncio: the same names, its work done in a thread."""

    def __init__(self, transport: Transport) -> None:
        from mailward.net.aio import AioPorts  # noqa: PLC0415 - asyncio is loaded by who uses it

        self._transport = transport
        self._ports = AioPorts()

    def __repr__(self) -> str:
        return f"Async{self._transport!r}"

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
        """As `Client.send`: gives a receipt, or raises an error that carries one."""
        return await self._ports.compute(
            lambda: self._transport.send(message, sender=sender, recipients=recipients, **how)
        )

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
        """As `Client.send_raw`: octets as they are."""
        return await self._ports.compute(
            lambda: self._transport.send_raw(content, sender=sender, recipients=recipients, **how)
        )

    async def close(self) -> None:
        """Nothing is kept open."""
        self._transport.close()


async def each(messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage]) -> AsyncIterator[AnyMessage]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message


def receipt_of(error: MailwardError) -> Receipt:
    """What `send_many` gives for a message that was refused. Raises the error if it knows of no message."""
    if error.receipt is not None:
        receipt: Receipt = error.receipt
        return receipt
    if isinstance(error, InputError):
        return unusable(error)
    raise error


def _check(how: How) -> None:
    """Raises InputError for a promise that only a server can make."""
    wanted = {
        "requiretls=": how.requiretls,
        "hold=": how.holdfor is not None or how.holduntil is not None,
        "deliver_by=": how.by is not None,
        "exactly_once=": how.once,
    }
    for name, asked in wanted.items():
        if asked:
            raise InputError(f"{name} can be had from a server only", advice="send through a Client")
