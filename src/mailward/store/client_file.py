"""A small SQLite file of clients: made when first written, private, shared by threads, by processes and over forks."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from mailward.errors import StoreError
from mailward.store.directory import make_directory
from mailward.store.fault import store_error

T = TypeVar("T")

_BUSY_TIMEOUT = 2.0


class ClientFile:
    """`path`: the file; None keeps all in memory, for this process. `mark`: of files with this `schema`, 32 bits.

    Each call opens and closes the file. It has a rollback journal, for home directories lie on network file systems.
    """

    def __init__(self, path: Path | None, *, mark: int, version: int, schema: tuple[str, ...]) -> None:
        self._path = path
        self._mark = mark
        self._version = version
        self._schema = (*schema, f"PRAGMA application_id = {mark}", f"PRAGMA user_version = {version}")
        self._lock = threading.Lock()
        self._memory: sqlite3.Connection | None = None

    def read(self, operation: Callable[[sqlite3.Connection], T]) -> T | None:
        """None if nothing was ever written. Raises StoreError."""
        if self._path is None:
            return self.write(operation)
        try:
            if not os.path.lexists(self._path):
                return None
            with closing(_opened(self._path)) as connection:
                return operation(connection) if self._is_made(connection) else None
        except (sqlite3.Error, OSError) as error:
            raise store_error(error, self._path) from error

    def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """In one transaction. Raises StoreError."""
        if self._path is None:
            with self._lock:
                if self._memory is None:
                    self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                return self._in_transaction(self._memory, operation)
        try:
            _create(self._path)
            with closing(_opened(self._path)) as connection:
                return self._in_transaction(connection, operation)
        except (sqlite3.Error, OSError) as error:
            raise store_error(error, self._path) from error

    def _in_transaction(self, connection: sqlite3.Connection, operation: Callable[[sqlite3.Connection], T]) -> T:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not self._is_made(connection):
                for statement in self._schema:
                    connection.execute(statement)
            result = operation(connection)
        except BaseException:
            if connection.in_transaction:  # SQLite has ended it by itself where the disk is full
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def _is_made(self, connection: sqlite3.Connection) -> bool:
        """Whether the schema is there; another process may have made the file meanwhile. Raises for a foreign one."""
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            return False
        if mark != self._mark:
            raise StoreError(
                f"{self._path} is a database of another program", phase="store", advice="Name another file."
            )
        if version > self._version:
            raise StoreError(
                f"{self._path} was written by a newer Mailward",
                phase="store",
                advice="Upgrade Mailward, or name another file.",
            )
        return True


def _opened(path: Path) -> sqlite3.Connection:
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path} is not a regular file", phase="store", advice="Remove it or name another.")
    if stat.S_IMODE(mode) & 0o077:
        path.chmod(0o600)
    address = path.absolute().as_uri() + "?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA synchronous = EXTRA")  # that the journal is gone is on disk too when COMMIT returns
    return connection


def _create(path: Path) -> None:
    if not os.path.lexists(path):
        make_directory(path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))  # by hand, because SQLite would use the umask
