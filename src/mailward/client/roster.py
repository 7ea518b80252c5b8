"""The messages of one `send_many` among several connections: who has which, and what comes next in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mailward.client.judgement import Delivery
from mailward.client.window import MOST, OCTETS
from mailward.errors import MailwardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailward.client.streaming import Streaming
    from mailward.client.submission import Submission


class Ticket:
    """`item`: what is to be sent, or what became of a message that cannot be."""

    __slots__ = ("delivery", "item", "size")

    def __init__(self, item: Submission | Delivery) -> None:
        self.item = item
        self.delivery: Delivery | None = None
        self.size = 0 if isinstance(item, Delivery) else item.size


class Roster:
    """Operations of both deques are atomic, so threads need no lock here.

    `crew`: how many connections may still be had. `proven`: one was had. `failure`: why none can. `stopped`: nothing
    more is to be begun.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._todo: deque[Ticket] = deque()
        self._out: deque[Ticket] = deque()
        self._octets = 0
        self.crew = connections
        self.failure: Exception | None = None
        self.stopped = False
        self.proven = False

    @property
    def has_room(self) -> bool:
        """For another message beside those that wait or are on the way: enough for each connection's window."""
        return not self._out or (
            len(self._out) < self._connections * MOST and self._octets < self._connections * OCTETS
        )

    @property
    def has_work(self) -> bool:
        return bool(self._todo)

    @property
    def waits(self) -> bool:
        """Whether a message is not given back yet."""
        return bool(self._out)

    def add(self, item: Submission | Delivery) -> None:
        ticket = Ticket(item)
        self._octets += ticket.size
        self._out.append(ticket)
        if isinstance(item, Delivery):
            ticket.delivery = item
        else:
            self._todo.append(ticket)

    def next_done(self) -> Delivery | None:
        """In the order of the messages; None if the next one is not done."""
        if not self._out or (delivery := self._out[0].delivery) is None:
            return None
        self._octets -= self._out.popleft().size
        return delivery

    def lost_one(self, error: MailwardError) -> None:
        """A connection could not be had. The others go on; if there is none, nobody does."""
        self.crew -= 1
        if self.crew <= 0 or not self.proven:
            self.failure = error

    def crashed(self) -> None:
        """What a connection had is nobody's now."""
        self.failure = self.failure or RuntimeError("one of the connections of send_many failed; see its own error")

    async def work(self, streaming: Streaming, told: Callable[[], None]) -> None:
        """One connection's share, until there is no more; `told` after each that is done."""
        mine: deque[Ticket] = deque()
        try:
            self._feed(streaming, mine)
            while streaming.busy:
                await streaming.connect()
                self.proven = True
                self._feed(streaming, mine)
                await streaming.step()
                _collect(streaming, mine)
                told()
                self._feed(streaming, mine)
        except MailwardError:  # no session is to be had, so that nothing is on the way
            _collect(streaming, mine)
            self._todo.extendleft(reversed(mine))
            raise
        await streaming.release()

    def _feed(self, streaming: Streaming, mine: deque[Ticket]) -> None:
        while streaming.hungry and not self.stopped:
            try:
                ticket = self._todo.popleft()
            except IndexError:  # another thread was quicker
                return
            if not isinstance(ticket.item, Delivery):
                streaming.offer(ticket.item)
                mine.append(ticket)


def _collect(streaming: Streaming, mine: deque[Ticket]) -> None:
    while streaming.done:
        mine.popleft().delivery = streaming.done.popleft()
