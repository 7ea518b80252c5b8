"""What clients of one user remember of servers: one small SQLite file, shared by processes, made when first written.

It keeps a rollback journal, not a WAL: it is written seldom, and home directories lie on network file systems too.
Two that write at once merge, the stronger of each; neither is lost.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mailward.errors import StoreError
from mailward.store.directory import make_directory
from mailward.store.fault import store_error

T = TypeVar("T")

APPLICATION_ID = 0x4D57434D  # "MWCM", the mark of these files in SQLite's header
MOST = 10_000  # lines of each table; the one that was of no use for the longest goes first
UNUSED = 400 * 86_400.0  # seconds: what was of no use for so long is no longer known

_VERSION = 1
_BUSY_TIMEOUT = 2.0
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS channels (host TEXT, port INTEGER, tls TEXT NOT NULL, implicit INTEGER NOT NULL,
    requiretls INTEGER NOT NULL, verified_by TEXT NOT NULL, pin TEXT NOT NULL, first REAL NOT NULL,
    seen REAL NOT NULL, PRIMARY KEY (host, port)) STRICT""",
    """CREATE TABLE IF NOT EXISTS logins (host TEXT, role TEXT, account TEXT, kind TEXT, mechanism TEXT NOT NULL,
    strength INTEGER NOT NULL, first REAL NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (host, role, account, kind)) STRICT""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_CHANNEL = "host, port, tls, implicit, requiretls, verified_by, pin, first, seen"
_LOGIN = "host, role, account, kind, mechanism, strength, first, seen"
_KEEP_CHANNEL = (
    f"INSERT INTO channels ({_CHANNEL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (host, port) DO UPDATE SET tls = max(tls, excluded.tls), implicit = max(implicit, excluded.implicit),"
    " requiretls = max(requiretls, excluded.requiretls), verified_by = excluded.verified_by, pin = excluded.pin,"
    " seen = max(seen, excluded.seen)"
)
_KEEP_LOGIN = (
    f"INSERT INTO logins ({_LOGIN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (host, role, account, kind) DO UPDATE SET seen = max(seen, excluded.seen),"
    " mechanism = iif(excluded.strength > strength, excluded.mechanism, mechanism),"
    " strength = max(strength, excluded.strength)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A port of a host, at its strongest; `verified_by` and `pin` as last seen. first, seen: Unix seconds."""

    host: str
    port: int
    tls: str
    implicit: bool
    requiretls: bool
    verified_by: str
    pin: str
    first: float
    seen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The strongest mechanism by which this account has logged in there with this kind of credential."""

    host: str
    role: str
    account: str
    kind: str
    mechanism: str
    strength: int
    first: float
    seen: float


class ClientMemory:
    """`path`: the file. Each call opens and closes it: one object serves any threads, and processes that fork."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, host: str, port: int, *, role: str, account: str, now: float) -> tuple[Channel | None, list[Login]]:
        """What is known of a port, and of an account's logins there. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> tuple[Channel | None, list[Login]]:
            since = now - UNUSED
            channels = _channels(connection, "host = ? AND port = ? AND seen >= ?", (host, port, since))
            where = "host = ? AND role = ? AND account = ? AND seen >= ?"
            return (channels[0] if channels else None), _logins(connection, where, (host, role, account, since))

        return self._read(read) or (None, [])

    def every(self) -> tuple[list[Channel], list[Login]]:
        """All of it, by host. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> tuple[list[Channel], list[Login]]:
            return _channels(connection, "TRUE", ()), _logins(connection, "TRUE", ())

        return self._read(read) or ([], [])

    def keep(self, channel: Channel, login: Login | None = None) -> None:
        """Adds to what is known; nothing becomes weaker by it. Raises StoreError."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(_KEEP_CHANNEL, _values(channel, _CHANNEL))
            if login is not None:
                connection.execute(_KEEP_LOGIN, _values(login, _LOGIN))
            _prune(connection, before=channel.seen - UNUSED)

        self._write(write)

    def forget(self, host: str | None) -> int:
        """Of one host, or of all; how many lines went. Raises StoreError."""

        def write(connection: sqlite3.Connection) -> int:
            number = 0
            for table in ("channels", "logins"):
                statement = f"DELETE FROM {table} WHERE ?1 IS NULL OR host = ?1"  # noqa: S608
                number += connection.execute(statement, (host,)).rowcount
            return number

        return self._write(write) if os.path.lexists(self.path) else 0

    def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            if not os.path.lexists(self.path):
                return None
            with closing(self._connect()) as connection:
                return operation(connection) if _is_made(connection, self.path) else None
        except (sqlite3.Error, OSError) as error:
            raise store_error(error, self.path) from error

    def _write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._create()
            with closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                if not _is_made(connection, self.path):
                    for statement in _SCHEMA:
                        connection.execute(statement)
                result = operation(connection)
                connection.execute("COMMIT")
                return result
        except (sqlite3.Error, OSError) as error:
            raise store_error(error, self.path) from error

    def _connect(self) -> sqlite3.Connection:
        mode = self.path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise StoreError(f"{self.path} is not a regular file", phase="store", advice="Remove it or name another.")
        if stat.S_IMODE(mode) & 0o077:
            self.path.chmod(0o600)
        address = self.path.absolute().as_uri() + "?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _create(self) -> None:
        if not os.path.lexists(self.path):
            make_directory(self.path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(self.path, flags, 0o600))  # by hand, because SQLite would use the umask


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the schema is there; another process may have made the file a moment ago. Raises for a foreign one."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        return False
    if mark != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program", phase="store", advice="Name another file.")
    if version > _VERSION:
        raise StoreError(
            f"{path} was written by a newer Mailward", phase="store", advice="Upgrade Mailward, or name another file."
        )
    return True


def _prune(connection: sqlite3.Connection, *, before: float) -> None:
    for table in ("channels", "logins"):
        connection.execute(f"DELETE FROM {table} WHERE seen < ?", (before,))  # noqa: S608
        surplus = f"SELECT rowid FROM {table} ORDER BY seen DESC LIMIT -1 OFFSET {MOST}"  # noqa: S608
        connection.execute(f"DELETE FROM {table} WHERE rowid IN ({surplus})")  # noqa: S608


def _channels(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Channel]:
    query = f"SELECT {_CHANNEL} FROM channels WHERE {where} ORDER BY host, port"  # noqa: S608
    return [
        Channel(
            host=host,
            port=port,
            tls=tls,
            implicit=bool(implicit),
            requiretls=bool(requiretls),
            verified_by=verified_by,
            pin=pin,
            first=first,
            seen=seen,
        )
        for host, port, tls, implicit, requiretls, verified_by, pin, first, seen in connection.execute(query, values)
    ]


def _logins(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Login]:
    query = f"SELECT {_LOGIN} FROM logins WHERE {where} ORDER BY host, account, role, kind"  # noqa: S608
    names = _LOGIN.split(", ")
    return [Login(**dict(zip(names, row, strict=True))) for row in connection.execute(query, values)]


def _values(line: Channel | Login, columns: str) -> tuple[object, ...]:
    return tuple(getattr(line, name) for name in columns.split(", "))
