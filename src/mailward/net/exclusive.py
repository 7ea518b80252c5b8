"""Turns: one holder of a key at a time, whoever else wants it waits."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

L = TypeVar("L")


class Turns(Generic[L]):
    """Locks by key. One exists only while somebody holds it or waits for it; a forked child begins without any."""

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def __len__(self) -> int:
        return len(self._locks)

    @contextmanager
    def lock(self, key: object) -> Iterator[L]:
        """The one lock of `key`, not yet acquired."""
        with self._guard:
            lock, users = self._locks.get(key) or (self._make(), 0)
            self._locks[key] = (lock, users + 1)
        try:
            yield lock
        finally:
            self._left(key, lock)

    def _left(self, key: object, lock: L) -> None:
        with self._guard:
            present, users = self._locks.get(key, (None, 0))
            if present is not lock:
                return  # we are in a forked child, and hold what the parent does
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)

    def _forget(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[object, tuple[L, int]] = {}
