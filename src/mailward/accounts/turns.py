"""Whose turn it is at the password hasher: few at a time, and sources that have logged in before go first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from mailward.errors import AuthUnavailable

T = TypeVar("T")
_IN_A_ROW = 7  # known ones, while unknown ones wait: newcomers are slowed by a crowd, and not shut out


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    call: Callable[[], Any]
    answer: Future[Any] = field(default_factory=Future)


class Turns:
    """workers: calls at the same time. waiting: how many of each kind, known and unknown, may wait for a worker."""

    def __init__(self, *, workers: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mailward-argon2")
        self._free = workers
        self._most = waiting
        self._known: deque[_Turn] = deque()
        self._unknown: deque[_Turn] = deque()
        self._in_a_row = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], T], *, known: bool) -> Future[T]:
        """Cancelled, it leaves the queue at once. AuthUnavailable: there is no room for another of its kind."""
        turn = _Turn(call)
        queue = self._known if known else self._unknown
        with self._lock:
            if self._closed or (not self._free and len(queue) >= self._most):
                raise busy()
            if self._free:
                self._start(turn)
            else:
                queue.append(turn)
        turn.answer.add_done_callback(lambda _: self._leave(queue, turn))
        return turn.answer

    def close(self) -> None:
        """What waits is cancelled; what runs is finished first."""
        with self._lock:
            self._closed = True
            waiting = [*self._known, *self._unknown]
        for turn in waiting:
            turn.answer.cancel()
        self._pool.shutdown(wait=True)

    def _start(self, turn: _Turn) -> bool:
        """Under the lock, with a free worker. False: it was cancelled meanwhile."""
        if not turn.answer.set_running_or_notify_cancel():
            return False
        self._free -= 1
        self._pool.submit(self._run, turn.call).add_done_callback(partial(_hand_over, turn.answer))
        return True

    def _run(self, call: Callable[[], T]) -> T:
        try:
            return call()
        finally:
            with self._lock:
                self._free += 1
                while (turn := self._next()) is not None and not self._start(turn):
                    pass

    def _next(self) -> _Turn | None:
        newcomer = bool(self._unknown) and (not self._known or self._in_a_row >= _IN_A_ROW)
        self._in_a_row = 0 if newcomer or not self._unknown else self._in_a_row + 1
        queue = self._unknown if newcomer else self._known
        return queue.popleft() if queue and not self._closed else None

    def _leave(self, queue: deque[_Turn], turn: _Turn) -> None:
        if turn.answer.cancelled():
            with self._lock, suppress(ValueError):
                queue.remove(turn)


def _hand_over(answer: Future[T], done: Future[T]) -> None:
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)


def busy() -> AuthUnavailable:
    return AuthUnavailable("too many logins at once: the queue of the password hasher is full", phase="auth")
