"""The one flow behind every way to send: a session, one transaction in it, and what to do with the session then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailward.client.opening import open_session
from mailward.client.receipt import Outcome, Receipt, RecipientResult
from mailward.client.transaction import Transaction
from mailward.errors import MailwardError

if TYPE_CHECKING:
    from mailward.client.options import ClientOptions
    from mailward.client.pool import Pool
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.errors import InputError
    from mailward.net.ports import Ports


@dataclass(frozen=True, slots=True)
class Delivery:
    """`error`: what `send` raises; None when at least one recipient was accepted."""

    receipt: Receipt
    error: MailwardError | None = None

    def result(self) -> Receipt:
        """The receipt, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.receipt


class Deliverer:
    """What one client delivers through: its options, its ports and its sessions."""

    def __init__(self, options: ClientOptions, ports: Ports, pool: Pool) -> None:
        self._options = options
        self._ports = ports
        self._pool = pool

    def __repr__(self) -> str:
        return ", ".join(map(str, self._options.endpoints))

    @property
    def total(self) -> float | None:
        """Seconds one call may take."""
        return self._options.timeout.total

    def end_of_call(self) -> float | None:
        """When a call that begins now must be over."""
        return None if self.total is None else self._ports.now() + self.total

    async def deliver(self, submission: Submission, *, until: float | None, most: int | None = None) -> Delivery:
        """Raises when there is no session to be had; what befalls the message itself is in the Delivery.

        Nothing is ever sent twice: a session that fails is dropped, and the next call opens another. `most`: to the
        first so many recipients only, or to as many as the server says it takes; the receipt names who they were.
        """
        try:
            session = await self._session(until)
        except MailwardError as error:
            error.receipt = not_sent(submission, error)
            raise
        if most is not None:
            most = min(most, session.offers.most_recipients or most)
            submission = replace(submission, recipients=submission.recipients[:most])
        try:
            return await self._transact(session, submission)
        except BaseException:
            session.abort()
            raise

    async def deliver_once(self, submission: Submission) -> Receipt:
        """A delivery and the goodbye in the time of one call. Raises what `send` raises."""
        until = self.end_of_call()
        delivery = await self.deliver(submission, until=until)
        await self.close(until=until)
        return delivery.result()

    async def warm(self, *, until: float | None) -> None:
        """Opens a session now, so that what is wrong is told now."""
        self._pool.give_back(await self._session(until))

    async def close(self, *, until: float | None = None) -> None:
        """Says goodbye to each session, for a moment at most."""
        for session in self._pool.empty():
            session.conversation.until = until
            await session.end()

    async def _session(self, until: float | None) -> Session:
        session = await self._pool.lend() or await open_session(self._options, self._ports, until=until)
        session.conversation.until = until
        return session

    async def _transact(self, session: Session, submission: Submission) -> Delivery:
        try:
            delivery = Delivery(await Transaction(session, submission).run())
        except MailwardError as error:
            delivery = Delivery(error.receipt, error)
            await session.tidy()
        if session.reusable:
            self._pool.give_back(session)
        else:
            await session.end()
        return delivery


def not_sent(submission: Submission, error: MailwardError) -> Receipt:
    """The receipt of a message for which there was no session."""
    return Receipt(
        outcome=Outcome.NOT_SENT,
        recipients=tuple(RecipientResult(str(mailbox), accepted=False) for mailbox in submission.recipients),
        sender=str(submission.sender or ""),
        error=error.message,
    )


def unusable(error: InputError) -> Receipt:
    """The receipt of a message that could not even be prepared."""
    return Receipt(outcome=Outcome.NOT_SENT, error=error.message)
