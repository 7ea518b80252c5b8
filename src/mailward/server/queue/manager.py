"""The queue's clock: what is due is tried, what failed waits its turn, what is final leaves (RFC 5321 §4.5.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from mailward.errors import StoreError
from mailward.events import Event, MessageBounced, MessageDeferred, MessageDelivered
from mailward.store import events, messages
from mailward.store.message import BOUNCED, DEFERRED, DELIVERED, QUEUED, StoredMessage

if TYPE_CHECKING:
    import sqlite3

    from mailward.client.schedule import Schedule
    from mailward.store.spool import Spool
    from mailward.store.writer import Writer

Results = Mapping[str, tuple[str, str]]
Deliver = Callable[[StoredMessage, bytes, tuple[str, ...]], Awaitable[Results]]

_LONGEST_SLEEP = 30.0  # seconds; the clock of the machine may be set
_log = logging.getLogger("mailward.queue")


class Manager:
    """now: Unix seconds. chance: 0 to 1.

    Runs at most `concurrency` deliveries. One that is under way is in memory only: a crash makes it due again."""

    def __init__(
        self,
        reader: sqlite3.Connection,
        writer: Writer,
        spool: Spool,
        deliver: Deliver,
        *,
        schedule: Schedule,
        concurrency: int,
        tell: Callable[[Event], None],
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._spool = spool
        self._deliver = deliver
        self._schedule = schedule
        self._concurrency = concurrency
        self._tell = tell
        self._now = now
        self._chance = chance
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._damaged: set[str] = set()  # what was said of rows that cannot be understood, so that it is said once

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Until `stop`, whatever happens: a queue that nobody works on would be silent."""
        while not self._stopping:
            self._wake.clear()
            try:
                self._start_due()
                pause = self._pause()
            except StoreError as problem:
                _log.error("the queue cannot be read: %s", problem)
                pause = _LONGEST_SLEEP
            except Exception:
                _log.exception("the queue: a fault of ours")
                pause = _LONGEST_SLEEP
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue

    async def stop(self, patience: float) -> None:
        """Start nothing more; give what is under way `patience` seconds to come to its end."""
        self._stopping = True
        self._wake.set()
        if self._under_way:
            _done, late = await asyncio.wait(self._under_way.values(), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start_due(self) -> None:
        free = self._concurrency - len(self._under_way)
        if free <= 0:
            return
        for message in self._due(self._now(), free + len(self._under_way)):
            if message.id in self._under_way or len(self._under_way) >= self._concurrency:
                continue
            task = asyncio.get_running_loop().create_task(self._attempt(message))
            self._under_way[message.id] = task
            task.add_done_callback(partial(self._finished, message.id))

    def _finished(self, id_: str, task: asyncio.Task[None]) -> None:
        self._under_way.pop(id_, None)
        self._wake.set()
        if not task.cancelled() and (problem := task.exception()) is not None:
            _log.error("delivery of %s failed by a fault of ours", id_, exc_info=problem)

    def _pause(self) -> float:
        if len(self._under_way) >= self._concurrency:
            return _LONGEST_SLEEP
        now = self._now()
        soon = self._due(now + _LONGEST_SLEEP, len(self._under_way) + 1)
        waiting = [each.next_attempt or now for each in soon if each.id not in self._under_way]
        return min(_LONGEST_SLEEP, max(0.05, min(waiting) - now)) if waiting else _LONGEST_SLEEP

    def _due(self, now: float, limit: int) -> list[StoredMessage]:
        return messages.due(self._reader, now, limit, damaged=self._tell_damage)

    def _tell_damage(self, problem: StoreError) -> None:
        if problem.message not in self._damaged:
            self._damaged.add(problem.message)
            _log.error("passed over: %s", problem)

    async def _attempt(self, message: StoredMessage) -> None:
        left = tuple(each.address for each in message.recipients if each.state in {QUEUED, DEFERRED})
        try:
            content = b"".join(messages.content(self._reader, message.id, self._spool))
            results = await self._deliver(message, content, left)
        except StoreError as problem:
            _log.error("message %s cannot be read: %s", message.id, problem)
            results = dict.fromkeys(left, (DEFERRED, f"local: {problem}"))
        except Exception:
            _log.exception("message %s: a fault of ours", message.id)
            results = dict.fromkeys(left, (DEFERRED, "local: internal error"))
        await self._record(message, results)

    async def _record(self, message: StoredMessage, results: Results) -> None:
        now = self._now()
        next_attempt = self._schedule.next_attempt(
            attempts=message.attempts + 1, received=message.received, now=now, chance=self._chance()
        )
        if next_attempt is None:  # too old: what is deferred now is given up
            results = {
                address: (BOUNCED if state == DEFERRED else state, reply) for address, (state, reply) in results.items()
            }
        told = _events(message, results, next_attempt, now)

        def operation(connection: sqlite3.Connection) -> StoredMessage:
            after = messages.record_attempt(connection, message.id, results=results, next_attempt=next_attempt, now=now)
            for event in told:
                events.append(connection, event)
            return after

        answer: asyncio.Future[StoredMessage] = asyncio.get_running_loop().create_future()
        self._writer.submit(operation, partial(_settle, answer))
        try:
            after = await answer
        except StoreError as problem:
            _log.error("the attempt of %s cannot be recorded, it will be made again: %s", message.id, problem)
            await asyncio.sleep(5.0)
            return
        for event in told:
            self._tell(event)
        if after.state == DELIVERED and after.spool is not None:
            self._spool.remove(after.spool)


def _settle(answer: asyncio.Future[StoredMessage], after: StoredMessage | None, problem: StoreError | None) -> None:
    if answer.done():
        return
    if problem is not None:
        answer.set_exception(problem)
    elif after is not None:
        answer.set_result(after)


def _events(message: StoredMessage, results: Results, next_attempt: float | None, now: float) -> list[Event]:
    """One event for each state and reply that came back."""
    groups: dict[tuple[str, str], list[str]] = {}
    for address, verdict in results.items():
        groups.setdefault(verdict, []).append(address)
    return [_event(message, state, reply, tuple(to), next_attempt, now) for (state, reply), to in groups.items()]


def _event(  # noqa: PLR0917
    message: StoredMessage, state: str, reply: str, to: tuple[str, ...], next_attempt: float | None, now: float
) -> Event:
    shared: dict[str, Any] = {
        "time": datetime.fromtimestamp(now, UTC),
        "account": message.account,
        "source": message.source,
        "message": message.id,
        "envelope_from": message.envelope_from,
        "envelope_to": to,
        "size": message.size,
        "reply": reply,
    }
    if state == DELIVERED:
        return MessageDelivered(**shared)
    if state == BOUNCED:
        return MessageBounced(**shared)
    return MessageDeferred(**shared, attempt=message.attempts + 1, next_attempt=next_attempt or 0.0)
