"""`send_many` of `AsyncClient`: over one connection in the caller's task, or over several in tasks of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from mailward.client.many_sync import SLOW, prepared
from mailward.client.roster import Roster
from mailward.errors import MailwardError
from mailward.net.tasks import TaskBell, TaskSlots, TaskWorkers

if TYPE_CHECKING:
    from mailward.client.deliver import Deliverer
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, Submission

    Prepare: TypeAlias = Callable[[AnyMessage], Submission]
    Slot: TypeAlias = Callable[[], Awaitable[object]]


class AsyncSingle:
    """One connection. While its caller looks at a receipt, `make_way` may take the connection from it."""

    def __init__(self, deliverer: Deliverer, slots: TaskSlots, slot: Slot, prepare: Prepare) -> None:
        self._deliverer = deliverer
        self._slots = slots
        self._slot = slot
        self._prepare = prepare
        self._streaming = deliverer.streaming()
        self._at_work = False
        self._has_slot = False

    async def receipts(
        self, messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage]
    ) -> AsyncGenerator[Receipt, None]:
        source = each(messages)
        more, failure = True, None
        try:
            while failure is None and (more or self._streaming.busy):
                self._at_work = True
                try:
                    more, failure = await self._advance(source, more=more)
                finally:
                    self._at_work = False
                while self._streaming.done:
                    yield self._streaming.done.popleft().receipt
        except GeneratorExit:
            raise
        except BaseException as error:
            if not isinstance(error, Exception):  # whoever is cancelled or interrupted waits for nobody
                self._streaming.abort()
            raise
        finally:
            await self.make_way()
        if failure is not None:
            raise failure

    async def make_way(self) -> None:
        """Settles what is on the way and gives the connection back, unless it is at work."""
        if self._at_work:
            return
        self._at_work = True
        try:
            await self._leave()
        finally:
            self._at_work = False

    async def _advance(self, source: AsyncIterator[AnyMessage], *, more: bool) -> tuple[bool, MailwardError | None]:
        """Whether there may be more messages, and why there is no session."""
        try:
            more, slow = await self._fill(source) if more else (False, False)
            if not self._streaming.busy:
                return more, None
            if not self._has_slot:
                await self._slot()
                self._has_slot = True
            await self._streaming.connect()
            if more and not slow:
                more, slow = await self._fill(source)
            await self._streaming.step(settle=slow)
        except MailwardError as error:
            return more, error
        if self._slots.wanted:
            await self._leave()
        return more, None

    async def _fill(self, source: AsyncIterator[AnyMessage]) -> tuple[bool, bool]:
        """Whether there may be more, and whether they come slowly."""
        until = self._deliverer.now() + SLOW
        while self._streaming.hungry:
            try:
                message = await anext(source)
            except StopAsyncIteration:
                return False, False
            self._streaming.offer(prepared(message, self._prepare))
            if self._deliverer.now() > until:
                return True, True
        return True, False

    async def _leave(self) -> None:
        if self._has_slot:
            try:
                await self._streaming.release()
            finally:
                self._has_slot = False
                self._slots.release()


class AsyncCrew:
    """Several connections, each with a task; another task takes the messages from where they come."""

    def __init__(self, deliverer: Deliverer, slots: TaskSlots, slot: Slot, prepare: Prepare) -> None:
        self._deliverer = deliverer
        self._slots = slots
        self._slot = slot
        self._prepare = prepare
        self._roster = Roster(deliverer.connections)
        self._bell = TaskBell()
        self._workers = TaskWorkers()
        self._more = True

    async def receipts(
        self, messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage]
    ) -> AsyncGenerator[Receipt, None]:
        roster = self._roster
        taking = self._workers.start(self._take(each(messages)))
        for _ in range(self._deliverer.connections):
            self._workers.start(self._work())
        try:
            while self._more or roster.waits:
                if (delivery := roster.next_done()) is not None:
                    self._bell.ring()
                    yield delivery.receipt
                elif roster.failure is not None:
                    raise roster.failure
                else:
                    await self._bell.wait()
            await taking  # what its source raised
        finally:
            roster.stopped = True
            await self._workers.end()

    async def _take(self, source: AsyncIterator[AnyMessage]) -> None:
        try:
            async for message in source:
                self._roster.add(prepared(message, self._prepare))
                self._bell.ring()
                while not self._roster.has_room:
                    await self._bell.wait()
        finally:
            self._more = False
            self._bell.ring()

    async def _work(self) -> None:
        try:
            while not self._roster.stopped:
                if self._roster.has_work:
                    await self._work_once()
                else:
                    await self._bell.wait()
        except MailwardError as error:
            self._roster.lost_one(error)
        except BaseException:
            self._roster.crashed()
            raise
        finally:
            self._bell.ring()

    async def _work_once(self) -> None:
        await self._slot()
        try:
            await self._roster.work(self._deliverer.streaming(), self._bell.ring)
        finally:
            self._slots.release()


async def each(messages: Iterable[AnyMessage] | AsyncIterable[AnyMessage]) -> AsyncIterator[AnyMessage]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message
