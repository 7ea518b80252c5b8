"""Reading: whole pages at a time, so that a slow consumer holds no snapshot that keeps the WAL from shrinking."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mailward.store.fault import store_error

Row = tuple[Any, ...]
_PAGE = 500


def rows(connection: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> list[Row]:
    """All rows; a fault is a StoreError that names the file."""
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise store_error(error, _path_of(connection)) from error


def paged(
    connection: sqlite3.Connection, query: str, *, after: str | int, values: Sequence[Any] = (), limit: int | None
) -> Iterator[Row]:
    """At most `limit` rows. `query` takes the last key, `values` and a limit; its rows ascend by their first column."""
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = rows(connection, query, (after, *values, size))
        yield from page
        if len(page) < size:
            return
        after = page[-1][0]
        left = None if left is None else left - size


def _path_of(connection: sqlite3.Connection) -> Path:
    try:
        return Path(connection.execute("PRAGMA database_list").fetchone()[2])
    except sqlite3.Error:
        return Path("the database")
