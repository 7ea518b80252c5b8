"""`send_many` of `Client`: over one connection in the caller's thread, or over several in threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.client.judgement import Delivery, unusable
from mailward.client.roster import Roster
from mailward.errors import InputError, MailwardError
from mailward.net.blocking import run_blocking
from mailward.net.threads import Bell, Latch, Slots, Workers

if TYPE_CHECKING:
    from mailward.client.deliver import Deliverer
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, Submission

    Prepare: TypeAlias = Callable[[AnyMessage], Submission]

SLOW: Final = 0.005  # seconds after which a source that gives message by message is not waited for
_FAREWELL: Final = 5.0  # seconds for each thread to settle what is on the way


def prepared(message: AnyMessage, prepare: Prepare) -> Submission | Delivery:
    try:
        return prepare(message)
    except InputError as error:
        return Delivery(unusable(error), error)


class Single:
    """One connection. While its caller looks at a receipt, `make_way` may take the connection from it."""

    def __init__(self, deliverer: Deliverer, slots: Slots, slot: Callable[[], object], prepare: Prepare) -> None:
        self._deliverer = deliverer
        self._slots = slots
        self._slot = slot
        self._prepare = prepare
        self._streaming = deliverer.streaming()
        self._latch = Latch()
        self._has_slot = False

    def receipts(self, messages: Iterable[AnyMessage]) -> Generator[Receipt, None, None]:
        source = iter(messages)
        more, failure = True, None
        try:
            while failure is None and (more or self._streaming.busy):
                with self._latch:
                    more, failure = self._advance(source, more=more)
                while self._streaming.done:
                    yield self._streaming.done.popleft().receipt
        except GeneratorExit:
            raise
        except BaseException as error:
            if not isinstance(error, Exception):  # whoever is cancelled or interrupted waits for nobody
                self._streaming.abort()
            raise
        finally:
            self.make_way()
        if failure is not None:
            raise failure

    def make_way(self) -> None:
        """Settles what is on the way and gives the connection back, unless it is at work."""
        if not self._latch.try_to_hold():
            return
        try:
            self._leave()
        finally:
            self._latch.let_go()

    def _advance(self, source: Iterator[AnyMessage], *, more: bool) -> tuple[bool, MailwardError | None]:
        """Whether there may be more messages, and why there is no session."""
        try:
            more, slow = self._fill(source) if more else (False, False)
            if not self._streaming.busy:
                return more, None
            if not self._has_slot:
                self._slot()
                self._has_slot = True
            run_blocking(self._streaming.connect())
            if more and not slow:
                more, slow = self._fill(source)
            run_blocking(self._streaming.step(settle=slow))
        except MailwardError as error:
            return more, error
        if self._slots.wanted:
            self._leave()
        return more, None

    def _fill(self, source: Iterator[AnyMessage]) -> tuple[bool, bool]:
        """Whether there may be more, and whether they come slowly."""
        until = self._deliverer.now() + SLOW
        while self._streaming.hungry:
            try:
                message = next(source)
            except StopIteration:
                return False, False
            self._streaming.offer(prepared(message, self._prepare))
            if self._deliverer.now() > until:
                return True, True
        return True, False

    def _leave(self) -> None:
        if self._has_slot:
            try:
                run_blocking(self._streaming.release())
            finally:
                self._has_slot = False
                self._slots.release()


class Crew:
    """Several connections, each with a thread; the messages are taken and prepared in the caller's."""

    def __init__(self, deliverer: Deliverer, slots: Slots, slot: Callable[[], object], prepare: Prepare) -> None:
        self._deliverer = deliverer
        self._slots = slots
        self._slot = slot
        self._prepare = prepare
        self._roster = Roster(deliverer.connections)
        self._bell = Bell()
        self._workers = Workers(self._work, name="mailward-send")

    def receipts(self, messages: Iterable[AnyMessage]) -> Generator[Receipt, None, None]:
        source = iter(messages)
        more, roster = True, self._roster
        try:
            while more or roster.waits:
                mark = self._bell.mark()
                if (delivery := roster.next_done()) is not None:
                    yield delivery.receipt
                elif roster.failure is not None:
                    raise roster.failure
                elif more and roster.has_room:
                    more = self._add(source)
                else:
                    self._bell.wait(mark)
        finally:
            roster.stopped = True
            self._bell.ring()
            self._workers.join(_FAREWELL)

    def _add(self, source: Iterator[AnyMessage]) -> bool:
        try:
            message = next(source)
        except StopIteration:
            return False
        self._roster.add(prepared(message, self._prepare))
        if self._roster.has_work and len(self._workers) < self._deliverer.connections:
            self._workers.start()
        self._bell.ring()
        return True

    def _work(self) -> None:
        try:
            while not self._roster.stopped:
                mark = self._bell.mark()
                if self._roster.has_work:
                    self._work_once()
                else:
                    self._bell.wait(mark)
        except MailwardError as error:
            self._roster.lost_one(error)
        except BaseException:
            self._roster.crashed()
            raise
        finally:
            self._bell.ring()

    def _work_once(self) -> None:
        self._slot()
        try:
            run_blocking(self._roster.work(self._deliverer.streaming(), self._bell.ring))
        finally:
            self._slots.release()
