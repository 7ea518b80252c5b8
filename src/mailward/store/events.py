"""The record of what happened: written in the transaction of what it tells, read by id, type, source or account."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from mailward.events import Event, encode
from mailward.store.query import Row, paged, rows

_INSERT = "INSERT INTO events (time, type, source, account, line) VALUES "
_ROW = "(?, ?, ?, ?, ?)"
_INDEXED = "type < 'message'"  # as the indexes have it, to the letter


def append(connection: sqlite3.Connection, event: Event) -> int:
    """Its id; ids only grow."""
    return append_all(connection, [event])


def append_all(connection: sqlite3.Connection, told: Sequence[Event]) -> int:
    """All of them by one statement, in their order; the id of the last."""
    values: list[object] = []
    for event in told:
        line = encode(event).decode()
        values += (event.time.timestamp(), event.__struct_config__.tag, event.source, event.account, line)
    return connection.execute(_INSERT + ", ".join([_ROW] * len(told)), values).lastrowid or 0


def select(
    connection: sqlite3.Connection,
    *,
    types: Collection[str] | None = None,
    account: str | None = None,
    source: str | None = None,
    after_id: int | None = None,
    limit: int | None = None,
) -> Iterator[tuple[int, bytes]]:
    """(id, JSON line) in the order they were written; at most `limit`; only those after `after_id`."""
    until = last_id(
        connection
    )  # one end for all: an event of one stream must not be overtaken by a newer one of another
    filters = {column: value for column, value in (("account", account), ("source", source)) if value is not None}
    streams = [
        _stream(connection, (after_id or 0, until), limit, condition, filters | wanted)
        for condition, wanted in _parts(types, searched=bool(filters))
    ]
    return ((id_, line.encode()) for id_, line in islice(merge(*streams), limit))


def _parts(types: Collection[str] | None, *, searched: bool) -> list[tuple[str, dict[str, str]]]:
    """What to read one by one: a condition, and columns with their values. Logins and bans by their indexes."""
    if types is not None:
        return [(_INDEXED if type_ < "message" else "TRUE", {"type": type_}) for type_ in sorted(set(types))]
    return [(_INDEXED, {}), ("type >= 'message'", {})] if searched else [("TRUE", {})]


def last_id(connection: sqlite3.Connection) -> int:
    """The id of the newest event, 0 without one: where to begin to follow."""
    ((newest,),) = rows(connection, "SELECT max(id) FROM events")
    return int(newest or 0)


def prune(connection: sqlite3.Connection, *, before: float, limit: int = 10_000) -> int:
    """Forget at most `limit` events older than `before` (Unix seconds), but never the newest; how many went.

    Repeat while it returns `limit`: a transaction that deletes millions would hold up the mail.
    """
    query = (
        "DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id, time FROM events"
        " WHERE id < (SELECT max(id) FROM events) ORDER BY id LIMIT ?) WHERE time < ?)"
    )
    return connection.execute(query, (limit, before)).rowcount


def _stream(
    connection: sqlite3.Connection, span: tuple[int, int], limit: int | None, condition: str, wanted: Mapping[str, str]
) -> Iterator[Row]:
    after, until = span
    marks = "".join(f" AND {column} = ?" for column in wanted)
    query = f"SELECT id, line FROM events WHERE id > ? AND id <= ? AND {condition}{marks} ORDER BY id LIMIT ?"  # noqa: S608  # only marks
    return paged(connection, query, after=after, values=(until, *wanted.values()), limit=limit)
