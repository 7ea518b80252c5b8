"""What tasks of one client share: turns in the order they are asked for, a bell, and tasks of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class TaskSlots:
    """So many may hold one at a time; who has waited longest is next."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._queue)

    async def acquire(self, *, within: float | None) -> bool:
        """Whether it was to be had in that time; None waits for ever. The fast path sets no timer."""
        if self._free:
            self._free -= 1
            return True
        if within is not None and within <= 0:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(within):
                await turn
        except BaseException as error:
            if turn in self._queue:
                self._queue.remove(turn)
            elif turn.done() and not turn.cancelled():
                self.release()  # given in the last moment
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def release(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class TaskBell:
    """Wakes all who wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """For the next ring."""
        await self._event.wait()


class TaskWorkers:
    """Tasks that their owner ends: nothing of theirs goes on after `end`."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        return task

    async def end(self) -> None:
        """Cancels them, and returns when each is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
