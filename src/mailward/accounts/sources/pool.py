"""Calls that block, each in a thread of its own: bounded in number, and abandoned when they take too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from mailward.accounts.sources.source import out_of_order
from mailward.errors import MailwardError

T = TypeVar("T")


class Threads:
    """most: threads at the same time, those included that were given up and have not come back.

    A thread cannot be ended from outside. One that hangs in a module or a socket keeps its place until it returns;
    when none is left, the source is out of order, and the memory is bounded all the same. Daemons: a process that ends
    does not wait for them.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._running = 0
        self._lock = threading.Lock()

    @property
    def running(self) -> int:
        return self._running

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. Cancelling gives the thread up. AuthUnavailable: all hang."""
        return await asyncio.wrap_future(self._start(call))

    def _start(self, call: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._running >= self._most:
                raise out_of_order(self._name, f"all its {self._most} threads hang")
            self._running += 1
        future: Future[T] = Future()
        try:
            threading.Thread(target=self._work, args=(call, future), name=f"mailward-{self._name}", daemon=True).start()
        except RuntimeError as error:
            self._ended()
            raise out_of_order(self._name, str(error)) from None
        return future

    def _work(self, call: Callable[[], T], future: Future[T]) -> None:
        wanted = future.set_running_or_notify_cancel()
        try:
            if wanted:
                self._settle(call, future)
        finally:
            self._ended()
            if wanted and not future.done():  # an error nobody expected: told by the thread, and no login hangs on it
                future.set_exception(out_of_order(self._name, "a fault of its own, told on standard error"))

    @staticmethod
    def _settle(call: Callable[[], T], future: Future[T]) -> None:
        try:
            result = call()
        except MailwardError as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1


class Idle(Generic[T]):
    """Connections nobody uses now, the last one first; at most `most`. For all threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[T] = []
        self._closed = False
        self._lock = threading.Lock()

    def take(self) -> T | None:
        with self._lock:
            return self._kept.pop() if self._kept else None

    def give(self, connection: T) -> bool:
        """False: not kept; the caller closes it."""
        with self._lock:
            if self._closed or len(self._kept) >= self._most:
                return False
            self._kept.append(connection)
            return True

    def close(self) -> list[T]:
        """All of them, for the caller to close; none is kept from now on."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, []
            return kept
