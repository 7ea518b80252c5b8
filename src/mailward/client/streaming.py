"""Many messages over one connection, each on its way before the one before it is answered (RFC 2920, RFC 3030).

With CHUNKING a window of whole messages is on the way, each behind an RSET, so that none depends on what became of the
one before. With PIPELINING alone the end of one content and the envelope of the next leave together. Without either,
one message follows the other. Deliveries come in the order of the messages.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from mailward.client.flight import Flight, joined, lost
from mailward.client.judgement import Delivery, not_sent
from mailward.client.transaction import Transaction, fits_one_group
from mailward.client.window import Window
from mailward.errors import ConnectionLost, InputError, MailwardError
from mailward.wire.command import Data, Rset

if TYPE_CHECKING:
    from mailward.client.deliver import Deliverer
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.wire.reply import Reply

_WRITE: Final = 64 * 1024  # octets gathered for one write


class Streaming:
    """`offer` messages while it is `hungry`, `step`, and take what is `done`; at the end, `release`."""

    def __init__(self, deliverer: Deliverer) -> None:
        self._deliverer = deliverer
        self._window = Window()
        self._session: Session | None = None
        self._waiting: deque[Flight] = deque()
        self._flights: deque[Flight] = deque()  # begun, and not yet `done`
        self._spoken: deque[Flight] = deque()  # those of them that wait for a reply, or with a 354 for their content
        self._held = 0  # octets of everything that is not decided
        self._octets = 0  # of them, those on the way
        self._parts: list[Delivery] = []
        self._not_before: float | None = None  # when the pace lets the next message begin
        self.done: deque[Delivery] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._flights)

    @property
    def hungry(self) -> bool:
        """Whether another message could leave soon."""
        count = len(self._waiting) + len(self._spoken)
        session = self._session
        if session is None or session.lmtp or not session.offers.pipelining:
            return count == 0
        return self._window.has_room(count, self._held) if session.streaming else count < 2

    def offer(self, item: Submission | Delivery) -> None:
        """A message, or what became of one that cannot be sent, in its place among the others."""
        flight = Flight(None, item) if isinstance(item, Delivery) else Flight(item)
        self._held += flight.size
        self._waiting.append(flight)

    async def connect(self) -> None:
        """So that it is known how much may be offered. Raises when there is no session to be had."""
        session = self._session
        if session is not None and not self._spoken:
            if session.untidy:
                await session.tidy()
            if not session.reusable or await session.conversation.interrupted():
                self._session = None
                await session.end()
        first = next((flight.submission for flight in self._waiting if flight.delivery is None), None)
        if self._session is None and first is not None:
            try:
                self._session = await self._deliverer.session(first, until=self._deliverer.end_of_call())
            except MailwardError as error:
                self._finish_parts(error)
                raise

    async def step(self, *, settle: bool = False) -> None:
        """Until something is done; with `settle` until nothing is on the way. Raises when there is no session."""
        self._collect()
        while self.busy and (settle or not self.done):
            await self._move()
            self._collect()

    async def release(self) -> None:
        """Settles what is on the way, and gives the session back. What was not begun waits on; nothing is opened."""
        waiting, self._waiting = self._waiting, deque()
        self._collect()
        try:
            while self._spoken and self._session is not None:
                await self._say_and_hear(self._session)
                self._collect()  # else what is decided would not be waited past
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting.extend(waiting)
            self._collect()
        session, self._session = self._session, None
        if session is not None:
            await session.tidy()
            await self._deliverer.give_back(session)

    def abort(self) -> None:
        if self._session is not None:
            self._session.abort()
            self._session = None

    async def _move(self) -> None:
        try:
            await self.connect()
            if self._session is None:
                self._pass_unsendable()
            else:
                await self._say_and_hear(self._session)
        except BaseException:
            self.abort()
            raise

    async def _say_and_hear(self, session: Session) -> None:
        try:
            if session.streaming:
                await self._stream(session)
            elif session.offers.pipelining and not session.lmtp:
                await self._overlap(session)
            elif await self._peek(session) is not None:
                await self._alone(session)
        except MailwardError as error:
            gone = isinstance(error, ConnectionLost)  # it may have answered, and left, before we wrote; after any other
            left = await session.conversation.hear_rest() if gone else []  # error nothing that it says can be believed
            await self._heard(session, left)
            self._lose(None if left and left[-1].code == 421 else error)
        else:
            if session.conversation.broken:
                self._lose(None)

    def _pass_unsendable(self) -> None:
        while self._waiting and self._waiting[0].delivery is not None:
            self._flights.append(self._waiting.popleft())

    async def _peek(self, session: Session) -> Flight | None:
        """The next to begin, if one may begin now. Waits for its turn only when there is nothing to hear."""
        self._pass_unsendable()
        if not self._waiting or session.left <= 0:
            return None
        parts = self._waiting[0].parts(session.offers)
        if len(parts) > 1:
            self._held += sum(part.size for part in parts) - self._waiting.popleft().size
            self._waiting.extendleft(reversed(parts))
        if self._deliverer.pace is not None and not await self._may_begin():
            return None
        return self._waiting[0]

    async def _may_begin(self) -> bool:
        if self._not_before is None:
            self._not_before = await self._deliverer.turn()
        left = self._not_before - self._deliverer.now()
        if left > 0 and self._flights:
            return False
        if left > 0:
            await self._deliverer.sleep(left)
        return True

    def _begin(self, session: Session) -> Flight | None:
        """The first that waits; None if it cannot be sent."""
        flight = self._waiting.popleft()
        self._flights.append(flight)
        self._not_before = None
        try:
            flight.begin(session, self._deliverer.now())
        except InputError as error:
            flight.delivery = flight.judgement.not_sent(error)
        if flight.delivery is not None:
            self._held -= flight.size
            return None
        return flight

    def _speak(self, flight: Flight, replies: int) -> None:
        flight.awaited = replies
        self._octets += flight.size
        self._spoken.append(flight)

    async def _alone(self, session: Session) -> None:
        """One message from its beginning to its end."""
        flight = self._waiting.popleft()
        self._flights.append(flight)
        self._not_before = None
        session.conversation.until = self._deliverer.end_of_call()
        flight.delivery = await Transaction(session, flight.wanted).run()
        self._octets += flight.size
        self._settled(flight)
        if flight.delivery.error is not None:
            await session.tidy()

    # With CHUNKING.

    async def _stream(self, session: Session) -> None:
        if not self._spoken:
            await session.conversation.listen()
        while batch := await self._batch(session):
            await self._write(session, batch)
        waiting = await self._peek(session)
        if waiting is not None and not self._spoken and not fits_one_group(waiting.wanted):
            await self._alone(session)
        else:
            await self._hear(session)

    async def _batch(self, session: Session) -> list[tuple[Flight, bytes]]:
        """What leaves with the next write."""
        batch: list[tuple[Flight, bytes]] = []
        size = 0
        while size < _WRITE and self._window.has_room(len(self._spoken), self._octets):
            waiting = await self._peek(session)
            if waiting is None or not fits_one_group(waiting.wanted):
                break
            if (flight := self._begin(session)) is not None:
                batch.append((flight, self._chunked(session, flight)))
                size += len(batch[-1][1])
        return batch

    def _chunked(self, session: Session, flight: Flight) -> bytes:
        commands = flight.judgement.envelope()
        if self._spoken or session.untidy:
            session.unsettled = False
            flight.reset = True
            commands.insert(0, Rset())
        self._speak(flight, len(commands) + 1)
        flight.said = True
        return session.conversation.prepare(commands) + session.conversation.prepare_chunk(flight.text)

    async def _write(self, session: Session, batch: list[tuple[Flight, bytes]]) -> None:
        """If a write fails its last octet has not left, but all that came before may have."""
        for flight, _ in batch[:-1]:
            flight.ended = True
        session.conversation.until = self._end_of_first()
        await session.conversation.write_content(b"".join([data for _, data in batch]), "BDAT")
        batch[-1][0].ended = True

    # With PIPELINING alone.

    async def _overlap(self, session: Session) -> None:
        head = self._spoken[0] if self._spoken else None
        if head is None or head.promised:
            await session.conversation.listen()
            data = b"" if head is None else session.conversation.prepare_content(head.say())
            waiting = await self._peek(session)
            if waiting is not None and head is None and not fits_one_group(waiting.wanted):
                await self._alone(session)
                return
            if waiting is not None and fits_one_group(waiting.wanted):
                data += self._envelope(session)
            await self._write_over(session, head, data)
        await self._hear(session)

    def _envelope(self, session: Session) -> bytes:
        if (flight := self._begin(session)) is None:
            return b""
        commands = [*flight.judgement.envelope(), Data()]
        self._speak(flight, len(commands))
        return session.conversation.prepare(commands)

    async def _write_over(self, session: Session, head: Flight | None, data: bytes) -> None:
        """`head`: whose content begins `data`. If a write fails its last octet has not left, but all else may have."""
        if not data:
            return
        if head is not None and len(self._spoken) > 1:
            head.ended = True
        session.conversation.until = self._end_of_first()
        await session.conversation.write_content(data)
        if head is not None:
            head.ended = True

    async def _hear(self, session: Session) -> None:
        """Until the first on the way is decided, or waits for its content."""
        conversation = session.conversation
        while self._spoken and not conversation.broken:
            head = self._spoken[0]
            if head.promised or self._flights[0].delivery is not None:
                return
            conversation.until = self._end_of_first()
            replies = await conversation.hear_more("the end of the content" if head.said else "the envelope")
            await self._heard(session, replies)

    async def _heard(self, session: Session, replies: list[Reply]) -> None:
        for reply in replies:
            if self._spoken:
                flight = self._spoken[0]
                flight.hear(reply)
                if flight.delivery is not None:
                    await self._decided(session, flight)
                if reply.code != 421:
                    continue
            session.conversation.broken = True  # it leaves, or speaks unasked
            return

    async def _decided(self, session: Session, flight: Flight) -> None:
        self._spoken.popleft()
        self._settled(flight)
        failed = flight.delivery is not None and flight.delivery.error is not None
        session.unsettled = failed and not self._spoken
        if flight.promised and session.conversation.quiet:
            await session.say_nothing()

    def _settled(self, flight: Flight) -> None:
        self._octets -= flight.size
        self._held -= flight.size
        if flight.delivery is not None:
            self._window.heed(flight.delivery.error)
            self._deliverer.heed(flight.delivery)

    def _lose(self, error: MailwardError | None) -> None:
        """The connection is of no more use. Whose end may have left is unknown; who was not the first begins anew.

        None: the server said 421 to a message that is decided, and so has not even read what came after it.
        """
        self.abort()
        decided, again = lost(self._spoken, error)
        for flight in decided:
            self._settled(flight)
        self._spoken.clear()
        self._octets = 0
        for _ in again:
            self._flights.pop()
        self._waiting.extendleft(reversed(again))

    def _collect(self) -> None:
        while self._flights and (delivery := self._flights[0].delivery) is not None:
            self._parts.append(delivery)
            if not self._flights.popleft().more:
                self.done.append(joined(self._parts))
                self._parts = []

    def _finish_parts(self, error: MailwardError) -> None:
        """The rest of a message of which some recipients were served, and what was said before under its key."""
        self._collect()
        while self._waiting and (self._parts or self._waiting[0].unknown is not None):
            flight = self._waiting.popleft()
            if not flight.give_up():
                flight.delivery = Delivery(not_sent(flight.wanted, error), error)
            self._held -= flight.size
            self._flights.append(flight)
            self._collect()

    def _end_of_first(self) -> float | None:
        """When the time of the first on the way is over."""
        total = self._deliverer.total
        return None if total is None or not self._spoken else self._spoken[0].since + total
