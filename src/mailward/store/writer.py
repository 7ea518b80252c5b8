"""One thread writes: all that waits goes to disk in one transaction, and only then is anyone told (RFC 5321 §6.1)."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

from mailward.errors import MailwardError, StoreBusy, StoreError
from mailward.store.database import Database
from mailward.store.fault import breaks_connection, concerns_everyone, damage, store_error

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
Done = Callable[[T | None, StoreError | None], None]
Deliver = Callable[[Callable[[], None]], object]

LIMIT = 10_000  # operations that may wait
_GATHER = 0.0005  # seconds to wait for more while several write at once: a sync costs about as much


class _Job(Generic[T]):
    """An operation that waits, and what came of it. `inline`: `done` is called by the writing thread itself."""

    __slots__ = ("done", "error", "inline", "operation", "value")

    def __init__(self, operation: Operation[T], done: Done[T], *, inline: bool = False) -> None:
        self.operation = operation
        self.done = done
        self.inline = inline
        self.value: T | None = None
        self.error: BaseException | None = None


def _kind(job: _Job[Any]) -> type:
    return type(job.operation)


class Writer:
    """Takes operations from any thread. An operation may run twice, so it may do nothing but use its connection.

    Operations of a class that has a static `together(connection, operations)` and follow one another are carried out
    by it at once, and return nothing.

    `deliver` runs a call in the owner's thread (`loop.call_soon_threadsafe`); it is used once for each group.
    """

    def __init__(self, database: Database, *, deliver: Deliver, limit: int = LIMIT) -> None:
        self._database = database
        self._deliver = deliver
        self._limit = limit
        self._connection = database.connect()
        self._suspect = False  # whether it must be renewed before anything is written
        self._pending: SimpleQueue[_Job[Any] | None] = SimpleQueue()  # None: no more will come
        self._gathered = 0  # operations of the group before
        self._alone: deque[_Job[Any]] = deque()  # of a group that failed: each gets a transaction of its own
        self._closing = False
        self._lock = threading.Lock()  # nothing is put behind the None
        self._stopped = threading.Event()
        self._start()

    def submit(self, operation: Operation[T], done: Done[T]) -> None:
        """Write soon. `done(value, None)` is delivered after the COMMIT is on disk, or `done(None, error)`; once."""
        job = _Job(operation, done)
        job.error = self._enqueue(job)
        if job.error:
            self._tell([job])

    def run(self, operation: Operation[T]) -> T:
        """Write and wait until it is on disk. Raises StoreError, or what the operation raised."""
        finished = threading.Event()
        job = _Job(operation, lambda _value, _error: finished.set(), inline=True)
        refusal = self._enqueue(job)
        if refusal:
            raise refusal
        finished.wait()
        if isinstance(job.error, sqlite3.Error):
            raise store_error(job.error, self._database.path)
        if job.error:
            raise job.error
        return cast(T, job.value)

    def close(self) -> None:
        """Finish what was submitted, then stop."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._pending.put(None)
        self._stopped.wait()

    def _enqueue(self, job: _Job[Any]) -> StoreError | None:
        with self._lock:
            if self._closing:
                return StoreError(f"{self._database.path} is closed", phase="store")
            if self._pending.qsize() >= self._limit:
                return StoreBusy(f"{self._limit} operations wait for {self._database.path}", phase="store")
            self._pending.put(job)
        return None

    def _start(self) -> None:
        threading.Thread(target=self._work, name="mailward-store", daemon=True).start()

    def _work(self) -> None:
        try:
            while jobs := self._take():
                self._commit(jobs)
        except BaseException:
            self._start()  # a fault in someone's code is told by the end of this thread; the next one goes on
            raise
        with suppress(sqlite3.Error):
            self._connection.close()
        self._stopped.set()

    def _take(self) -> list[_Job[Any]]:
        if self._alone:
            return [self._alone.popleft()]
        jobs = self._drained([self._pending.get()])
        if self._gathered > 1 and jobs[-1] is not None:
            time.sleep(_GATHER)
            jobs = self._drained(jobs)
        if jobs[-1] is None:
            jobs.pop()
            self._pending.put(None)  # the end is seen again after these
        self._gathered = len(jobs)
        return cast("list[_Job[Any]]", jobs)

    def _drained(self, jobs: list[_Job[Any] | None]) -> list[_Job[Any] | None]:
        """`jobs` and all that waits, up to the end."""
        with suppress(Empty):
            while jobs[-1] is not None:
                jobs.append(self._pending.get_nowait())
        return jobs

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        try:
            self._transaction(jobs)
        except (sqlite3.Error, OSError, MailwardError) as error:
            self._fail(jobs, error)
        except BaseException as error:
            self._fail(jobs, error)
            raise
        else:
            self._tell(jobs)

    def _transaction(self, jobs: list[_Job[Any]]) -> None:
        if self._suspect:
            self._renew()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        for kind, alike in groupby(jobs, key=_kind):
            together = getattr(kind, "together", None)
            if together is not None:
                together(connection, [job.operation for job in alike])
            else:
                for job in alike:
                    job.value = job.operation(connection)
            if not connection.in_transaction:  # SQLite ends it for some faults, even if the operation hid them
                raise StoreError("an operation ended the transaction it was given", phase="store")
        connection.execute("COMMIT")

    def _fail(self, jobs: list[_Job[Any]], error: BaseException) -> None:
        self._roll_back(error)
        if len(jobs) > 1 and not concerns_everyone(error):
            self._alone.extend(jobs)  # one of them is to blame; it shall spoil no other
            return
        for job in jobs:
            job.error = error
        self._tell(jobs)

    def _roll_back(self, error: BaseException) -> None:
        self._suspect = self._suspect or breaks_connection(error)
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._suspect = True

    def _renew(self) -> None:
        """After a failed sync the kernel may call lost pages clean: write the WAL out anew and look at every page.

        The old connection closes last: as long as it lives, SQLite remembers that the failed transaction is void
        and does not find it in the WAL as one that a crash left.
        """
        connection = self._database.connect()
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise damage(verdict)
        except sqlite3.Error:
            connection.close()
            raise
        with suppress(sqlite3.Error):
            self._connection.close()
        self._connection = connection
        self._suspect = False

    def _tell(self, jobs: list[_Job[Any]]) -> None:
        self._call(iter([job for job in jobs if job.inline]))
        told = [job for job in jobs if not job.inline]
        if told:
            self._deliver(partial(self._call, iter(told)))

    def _call(self, jobs: Iterator[_Job[Any]]) -> None:
        for job in jobs:
            try:
                if job.error is None:
                    job.done(job.value, None)
                else:
                    job.done(None, store_error(job.error, self._database.path))
            except BaseException:
                self._deliver(partial(self._call, jobs))  # the others must hear all the same
                raise
