"""Accounts by a query to an SQLite database, opened so that nothing can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.pool import Idle, Threads
from mailward.accounts.sources.row import judge, record
from mailward.accounts.sources.source import Question, SourceAnswer, SourceSettings, needed, out_of_order

_INSTRUCTIONS = 10_000  # of SQLite's machine, between two looks at the clock


@dataclass(frozen=True, kw_only=True)
class SqliteSettings(SourceSettings):
    """query: one SELECT with the parameter `:user`, or `:local_part` and `:domain`; its columns are `row`'s."""

    name: str = "sqlite"
    path: str
    query: str


class _Opened(NamedTuple):
    file: tuple[int, int]
    connection: sqlite3.Connection


class Sqlite:
    """The name is always a bound parameter and never part of the query's text."""

    def __init__(self, settings: SqliteSettings, *, hasher: Hasher, now: Callable[[], float]) -> None:
        if ":user" not in settings.query and ":local_part" not in settings.query:
            raise needed("sqlite", "query", "the query must have the parameter :user")
        self._settings = settings
        self._hasher = hasher
        self._now = now
        self._threads = Threads(settings.name, 2 * settings.connections)
        self._idle: Idle[_Opened] = Idle(settings.connections)

    async def ask(self, question: Question) -> SourceAnswer:
        rows = await self._threads.run(lambda: self._rows(question))
        found = record(self._settings.name, rows)
        return await judge(self._settings.name, self._hasher, question, found)

    def faults(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        for opened in self._idle.close():
            opened.connection.close()

    def _rows(self, question: Question) -> list[dict[str, object]]:
        try:
            opened = self._take() or self._open()
            rows = self._select(opened.connection, question)
        except sqlite3.Error as error:
            raise out_of_order(self._settings.name, str(error)) from None
        if not self._idle.give(opened):
            opened.connection.close()
        return rows

    def _take(self) -> _Opened | None:
        """A connection that was kept; one to a file that another has replaced is closed."""
        while opened := self._idle.take():
            if opened.file == _file(self._settings.path):
                return opened
            opened.connection.close()
        return None

    def _open(self) -> _Opened:
        file = _file(self._settings.path)
        location = f"file:{quote(self._settings.path)}?mode=ro"
        connection = sqlite3.connect(
            location, uri=True, timeout=self._settings.timeout, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        return _Opened(file, connection)

    def _select(self, connection: sqlite3.Connection, question: Question) -> list[dict[str, object]]:
        until = self._now() + self._settings.timeout
        connection.set_progress_handler(lambda: int(self._now() > until), _INSTRUCTIONS)
        parameters = {"user": question.name, "local_part": question.local_part, "domain": question.domain}
        try:
            cursor = connection.execute(self._settings.query, parameters)
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchmany(2)]
            cursor.close()
        except sqlite3.Error:
            connection.close()
            raise
        return rows


def _file(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
