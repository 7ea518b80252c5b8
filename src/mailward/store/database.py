"""The one SQLite file of a state directory: WAL, synchronous=FULL, mode 0600 (https://www.sqlite.org/wal.html)."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailward.errors import StoreError
from mailward.store.directory import make_directory
from mailward.store.fault import store_error
from mailward.store.migrate import migrate, shipped

BUSY_TIMEOUT = 5.0  # seconds to wait for another process that writes

_SETTINGS = (
    "PRAGMA synchronous = FULL",  # COMMIT returns after the sync; with NORMAL a power cut takes acknowledged mail
    "PRAGMA fullfsync = ON",  # where fsync alone does not empty the drive's cache
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA secure_delete = FAST",  # zero what is deleted where that costs no further write
    "PRAGMA journal_size_limit = 67108864",  # a WAL that a slow reader let grow shrinks again
)


class Database:
    """`path`: the file; SQLite keeps its `-wal` and `-shm` beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Database:
        """The database at `path`, with the schema of this version. `create`: make it and its directory if missing.

        Raises StoreError for what is missing, damaged, of a newer version or no database of ours.
        """
        database = cls(path.absolute())
        try:
            database._prepare(create=create)
        except (sqlite3.Error, OSError) as error:
            raise store_error(error, path) from error
        return database

    def connect(self) -> sqlite3.Connection:
        """A connection of its own, in autocommit, usable from any one thread at a time."""
        address = self.path.as_uri() + "?mode=rw"
        connection = None
        try:
            connection = sqlite3.connect(
                address, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            for setting in _SETTINGS:
                connection.execute(setting)
        except sqlite3.Error as error:
            if connection:
                connection.close()
            raise store_error(error, self.path) from error
        return connection

    def reader(self) -> sqlite3.Connection:
        """This thread's connection for reading; closed by `close`."""
        thread = threading.current_thread()
        with self._lock:
            self._forget_dead()
            if thread not in self._readers:
                self._readers[thread] = self.connect()
                self._readers[thread].execute("PRAGMA query_only = ON")
            return self._readers[thread]

    def close(self) -> None:
        """Close every reader. A Writer is closed by itself, before."""
        with self._lock:
            while self._readers:
                self._readers.popitem()[1].close()

    def _forget_dead(self) -> None:
        for thread in [thread for thread in self._readers if not thread.is_alive()]:
            self._readers.pop(thread).close()

    def _prepare(self, *, create: bool) -> None:
        if create:
            make_directory(self.path.parent)
        elif not os.path.lexists(self.path):
            raise StoreError(
                f"there is no database at {self.path}",
                phase="store",
                advice="Start `mailward serve` once, or name the state directory it uses.",
            )
        with _alone_in(self.path.parent) as directory:
            if not os.path.lexists(self.path):
                self._create()
                os.fsync(directory)
            self._protect()
            self._migrate()

    def _create(self) -> None:
        # By hand, because SQLite would use the umask; -wal and -shm take the mode of this file.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))

    def _protect(self) -> None:
        # Never by opening it: closing such a descriptor would drop the locks SQLite holds in this process.
        mode = self.path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise StoreError(f"{self.path} is not a regular file", phase="store", advice="Remove it or name another.")
        if stat.S_IMODE(mode) & 0o077:
            self.path.chmod(0o600)

    def _migrate(self) -> None:
        connection = self.connect()
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise StoreError(f"{self.path} lies on a file system without shared memory for SQLite", phase="store")
            migrate(connection, self.path, shipped())
        finally:
            connection.close()


@contextmanager
def _alone_in(directory: Path) -> Iterator[int]:
    """Two processes that start at once must not both create the schema."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
