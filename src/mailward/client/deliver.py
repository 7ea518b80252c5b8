"""The one flow behind every way to send: a session, one transaction in it, and what to do with the session then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from mailward.client.how import How
from mailward.client.judgement import Delivery, not_sent
from mailward.client.limits import Rate
from mailward.client.opening import open_session
from mailward.client.rate import Pace
from mailward.client.receipt import Outcome
from mailward.client.streaming import Streaming
from mailward.client.submission import finished
from mailward.client.transaction import Transaction
from mailward.errors import MailwardError, OutcomeUnknown
from mailward.net.ports import too_late

if TYPE_CHECKING:
    from mailward.client.check import CheckReport
    from mailward.client.how import SendArguments
    from mailward.client.options import ClientOptions
    from mailward.client.pool import Pool
    from mailward.client.receipt import Receipt
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.net.ports import Ports


class Deliverer:
    """What one client delivers through: its options, its ports and its sessions."""

    def __init__(self, options: ClientOptions, ports: Ports, pool: Pool) -> None:
        self._options = options
        self._ports = ports
        self._pool = pool
        rate = options.limits.rate
        self.pace = None if rate is None else Pace(Rate.of(rate))
        self.now = ports.now
        self.sleep = ports.sleep

    def __repr__(self) -> str:
        return ", ".join(map(str, self._options.endpoints))

    @property
    def total(self) -> float | None:
        """Seconds one call may take."""
        return self._options.timeout.total

    @property
    def connections(self) -> int:
        """How many may be open at once."""
        return self._options.limits.connections

    def how(self, **arguments: Unpack[SendArguments]) -> How:
        """What a call says of its message, over what the client's options say of each."""
        if self._options.trust.requiretls:
            arguments.setdefault("requiretls", True)
        return How.of(**arguments)

    def streaming(self) -> Streaming:
        """A connection's worth of `send_many`."""
        return Streaming(self)

    def end_of_call(self) -> float | None:
        """When a call that begins now must be over."""
        return None if self.total is None else self._ports.now() + self.total

    def finish(self, submission: Submission) -> Submission:
        """Signed by `dkim=`, named, and with its Message-ID known. Raises InputError."""
        return finished(submission, self._ports, self._options.signers)

    async def deliver(self, submission: Submission, *, until: float | None, most: int | None = None) -> Delivery:
        """Raises when there is no session to be had; what befalls the message itself is in the Delivery.

        Nothing is ever sent twice: a session that fails is dropped, and the next call opens another. `most`: to the
        first so many recipients only, or to as many as the server says it takes; the receipt names who they were.
        """
        await self._wait_for_turn(submission, until)
        session = await self.session(submission, until=until)
        if most is not None:
            most = min(most, session.offers.most_recipients or most)
            submission = replace(submission, recipients=submission.recipients[:most])
        try:
            delivery = await self._transact(session, submission)
        except BaseException:
            session.abort()
            raise
        if isinstance(delivery.error, OutcomeUnknown) and delivery.receipt.idempotency_key is not None:
            return await self._resolved(submission, delivery, until=until)
        return delivery

    async def deliver_once(self, submission: Submission) -> Receipt:
        """A delivery and the goodbye in the time of one call. Raises what `send` raises."""
        until = self.end_of_call()
        delivery = await self.deliver(submission, until=until)
        await self.close(until=until)
        return delivery.result()

    async def check(self) -> CheckReport:
        """A session of its own, and no mail."""
        from mailward.client.check import check  # noqa: PLC0415 - seldom asked for

        return await check(self._options, self._ports, until=self.end_of_call())

    async def warm(self, *, until: float | None) -> None:
        """Opens sessions now, so that what is wrong is told now."""
        for _ in range(max(1, self._options.limits.min_idle) - len(self._pool)):
            self._pool.give_back(await self._session(until, fresh=len(self._pool) > 0))

    async def close(self, *, until: float | None = None) -> None:
        """Says goodbye to each session, for a moment at most."""
        for session in self._pool.empty():
            session.conversation.until = until
            await session.end()

    async def session(self, submission: Submission, *, until: float | None) -> Session:
        """One that is ready for `submission`. Raises an error with its receipt."""
        try:
            return await self._session(until)
        except MailwardError as error:
            error.receipt = not_sent(submission, error)
            raise

    async def give_back(self, session: Session) -> None:
        """For the next message, or with a goodbye if it is fit for none."""
        if session.reusable:
            session.idle_since = self._ports.now()
            self._pool.give_back(session)
        else:
            await session.end()

    async def turn(self) -> float:
        """When the pace lets one message more begin."""
        if self.pace is None:
            return self._ports.now()
        async with self._ports.exclusively(self.pace):
            now = self._ports.now()
            return now + self.pace.take(now)

    def heed(self, delivery: Delivery) -> None:
        """What became of a message tells whether the pace is right."""
        if self.pace is None:
            return
        reply, error = delivery.receipt.reply, delivery.error
        if reply is not None:
            self.pace.heed(reply.code, reply.enhanced)
        elif error is not None:
            self.pace.heed(error.code, error.enhanced_code)

    async def _session(self, until: float | None, *, fresh: bool = False) -> Session:
        session = None if fresh else await self._pool.lend(self._ports.now() - self._options.limits.idle)
        if session is None:
            session = await open_session(self._options, self._ports, until=until)
            session.most = self._options.limits.messages_per_connection
            session.idle_since = self._ports.now()
        session.conversation.until = until
        return session

    async def _resolved(self, submission: Submission, unknown: Delivery, *, until: float | None) -> Delivery:
        """Says it once more under its key, to a server that then tells what became of it the first time."""
        try:
            session = await self._session(until, fresh=True)
        except MailwardError:
            return unknown
        if not session.offers.idempotent:
            await self.give_back(session)
            return unknown
        delivery = await self._transact(session, submission)
        return unknown if delivery.receipt.outcome is Outcome.NOT_SENT else delivery

    async def _wait_for_turn(self, submission: Submission, until: float | None) -> None:
        if self.pace is None:
            return
        left = await self.turn() - self._ports.now()
        if until is not None and self._ports.now() + left > until:
            error = too_late("waiting for the turn that limits= gives this message")
            error.receipt = not_sent(submission, error)
            raise error
        if left > 0:
            await self._ports.sleep(left)

    async def _transact(self, session: Session, submission: Submission) -> Delivery:
        delivery = await Transaction(session, submission).run()
        self.heed(delivery)
        if delivery.error is not None:
            await session.tidy()
        await self.give_back(session)
        return delivery
