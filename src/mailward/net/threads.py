"""What threads of one client share: turns in the order they are asked for, a bell, and threads of their own."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Slots:
    """So many may hold one at a time; who has waited longest is next."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._guard = threading.Lock()
        self._queue: deque[threading.Lock] = deque()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._queue)

    def acquire(self, *, within: float | None) -> bool:
        """Whether it was to be had in that time; None waits for ever."""
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            if within is not None and within <= 0:
                return False
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        try:
            if turn.acquire(timeout=-1 if within is None else within):
                return True
        except BaseException:
            if not self._leave(turn):
                self.release()
            raise
        return not self._leave(turn)

    def release(self) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1

    def _leave(self, turn: threading.Lock) -> bool:
        """False if it was given in the last moment."""
        with self._guard:
            if turn in self._queue:
                self._queue.remove(turn)
                return True
            return False


class Bell:
    """Wakes all who wait; `mark` before you look, so that no ring in between is missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def mark(self) -> int:
        return self._rung

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, mark: int) -> None:
        """Until it has rung since `mark`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != mark)


class Workers:
    """Threads that do one kind of work, and that an interpreter which ends does not wait for."""

    def __init__(self, work: Callable[[], None], *, name: str) -> None:
        self._work = work
        self._name = name
        self._threads: list[threading.Thread] = []

    def __len__(self) -> int:
        return len(self._threads)

    def start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, within: float | None = None) -> None:
        for thread in self._threads:
            thread.join(within)


class Latch:
    """Held by whoever works with a thing now; another may only try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()

    def try_to_hold(self) -> bool:
        return self._lock.acquire(blocking=False)

    def let_go(self) -> None:
        self._lock.release()
