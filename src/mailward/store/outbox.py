"""The file of an outbox: tickets, their recipients and their content in SQLite; what was put is on disk (fsync)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeVar

from mailward.errors import StoreFull
from mailward.store.client_file import ClientFile
from mailward.store.ticket import (
    FAILED,
    INCOMING,
    SENDING,
    SENT,
    STATES,
    UNKNOWN,
    WAITING,
    Ticket,
    TicketRecipient,
    state_of,
)

T = TypeVar("T")
Alive = Callable[[str], bool]

MARK = 0x4D574F42  # "MWOB"
PIECE = 1_048_576  # octets of content in one row, and in one transaction
KEPT = 7 * 86_400.0  # seconds for which what was sent is remembered, without its content

_SCHEMA = (
    """CREATE TABLE tickets (id TEXT PRIMARY KEY, key TEXT UNIQUE, created REAL NOT NULL, sender TEXT NOT NULL,
    subject TEXT NOT NULL, message_id TEXT NOT NULL, size INTEGER NOT NULL, eight_bit INTEGER NOT NULL,
    smtputf8 INTEGER NOT NULL, how TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, via TEXT NOT NULL,
    once INTEGER NOT NULL, attempts INTEGER NOT NULL, next_attempt REAL, ended REAL, error TEXT NOT NULL,
    receipt TEXT NOT NULL) STRICT""",
    "CREATE INDEX tickets_due ON tickets (state, next_attempt)",
    """CREATE TABLE recipients (ticket TEXT, position INTEGER, address TEXT NOT NULL, state TEXT NOT NULL,
    reply TEXT NOT NULL, PRIMARY KEY (ticket, position)) STRICT""",
    "CREATE TABLE pieces (ticket TEXT, number INTEGER, octets BLOB NOT NULL, PRIMARY KEY (ticket, number)) STRICT",
    "CREATE TABLE servers (via TEXT PRIMARY KEY, idempotent INTEGER NOT NULL) STRICT",
)
_COLUMNS = (
    "id, key, created, sender, subject, message_id, size, eight_bit, smtputf8, how, state, owner, via, once, attempts,"
    " next_attempt, ended, error, receipt"
)
_NAMES = _COLUMNS.replace(" ", "").split(",")
_SELECT = f"SELECT {_COLUMNS} FROM tickets"  # noqa: S608
_INSERT = f"INSERT INTO tickets ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
_CRASHED = "the process that sent it ended before it could tell what became of it"


class OutboxFile:
    """`path`: the file, made when something is put. `most`: tickets that may wait; `most_octets`: of their contents."""

    def __init__(self, path: Path, *, most: int = 100_000, most_octets: int = 1 << 36) -> None:
        self.path = path
        self._most, self._most_octets = most, most_octets
        self._file = ClientFile(path, mark=MARK, version=1, schema=_SCHEMA)

    def put(self, ticket: Ticket, pieces: Iterable[bytes]) -> str:
        """On return it is on disk. Gives the id of the ticket with that key, this one or an earlier one.

        Raises StoreFull, StoreError.
        """
        rest = iter(pieces)
        first, second = next(rest, b""), next(rest, None)
        if second is None:
            return self._file.write(lambda connection: self._add(connection, ticket, [first]))
        incoming = replace(ticket, key=None, state=INCOMING, next_attempt=None)
        self._file.write(lambda connection: self._add(connection, incoming, [first]))
        try:
            for number, piece in enumerate(chain([second], rest), 1):
                self._file.write(partial(_add_piece, (ticket.id, number, piece)))
            return self._file.write(lambda connection: self._complete(connection, ticket))
        except BaseException:
            self._file.write(lambda connection: _remove(connection, ticket.id))
            raise

    def claim(self, now: float, *, owner: str, via: str) -> Ticket | None:
        """The ticket that is due first, marked as being sent: on disk before anything of it leaves."""

        def work(connection: sqlite3.Connection) -> Ticket | None:
            row = connection.execute(
                f"{_SELECT} WHERE state = ? AND next_attempt <= ? ORDER BY next_attempt, id LIMIT 1", (WAITING, now)
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE tickets SET state = ?, owner = ?, via = ?, attempts = attempts + 1 WHERE id = ?",
                (SENDING, owner, via, row[0]),
            )
            return replace(_ticket(connection, row), state=SENDING, owner=owner, via=via, attempts=row[14] + 1)

        return self._file.write(work) if self.due(now) else None

    def due(self, now: float) -> bool:
        next_attempt = self.next_attempt()
        return next_attempt is not None and next_attempt <= now

    def next_attempt(self) -> float | None:
        """When the first of those that wait is to be tried, None if none waits."""
        query = "SELECT min(next_attempt) FROM tickets WHERE state = ?"
        value = self._read(lambda connection: connection.execute(query, (WAITING,)).fetchone()[0], None)
        return None if value is None else float(value)

    def settle(self, ticket: Ticket, *, idempotent: bool | None = None) -> None:
        """What became of it, as `ticket` says now; only if its owner still has it. What was sent loses its content."""

        def work(connection: sqlite3.Connection) -> None:
            if idempotent is not None:
                connection.execute("INSERT OR REPLACE INTO servers VALUES (?, ?)", (ticket.via, idempotent))
            still = "SELECT 1 FROM tickets WHERE id = ? AND owner = ? AND state = ?"
            if connection.execute(still, (ticket.id, ticket.owner, SENDING)).fetchone():
                _write_state(connection, ticket)

        self._file.write(work)

    def recover(self, alive: Alive) -> list[Ticket]:
        """Those whose sender has died are unknown now; to a server that takes a message once, they may go once more."""
        nobody: list[str] = []
        if not self._read(_owners, nobody):
            return []

        def work(connection: sqlite3.Connection) -> list[Ticket]:
            recovered = []
            for owner in _owners(connection):
                if alive(owner):
                    continue
                connection.execute(
                    "DELETE FROM pieces WHERE ticket IN (SELECT id FROM tickets WHERE owner = ? AND state = ?)",
                    (owner, INCOMING),
                )
                connection.execute("DELETE FROM tickets WHERE owner = ? AND state = ?", (owner, INCOMING))
                query = f"{_SELECT} WHERE owner = ? AND state = ?"
                for row in connection.execute(query, (owner, SENDING)).fetchall():
                    recovered.append(_recovered(connection, _ticket(connection, row)))
                    _write_state(connection, recovered[-1])
            return recovered

        return self._file.write(work)

    def every(self, *, state: str | None = None, limit: int = 1000) -> list[Ticket]:
        """The oldest first."""
        states = STATES if state is None else (state,)
        marks = ", ".join("?" * len(states))
        query = f"{_SELECT} WHERE state IN ({marks}) ORDER BY created, id LIMIT ?"

        def work(connection: sqlite3.Connection) -> list[Ticket]:
            return [_ticket(connection, row) for row in connection.execute(query, (*states, limit)).fetchall()]

        return self._read(work, [])

    def find(self, identifier: str) -> Ticket | None:
        """By its id or its key."""

        def work(connection: sqlite3.Connection) -> Ticket | None:
            query = f"{_SELECT} WHERE (id = ?1 OR key = ?1) AND state <> ?2 ORDER BY id = ?1 DESC"
            row = connection.execute(query, (identifier, INCOMING)).fetchone()
            return None if row is None else _ticket(connection, row)

        return self._read(work, None)

    def pieces(self, identifier: str) -> Iterator[bytes]:
        """The content, in constant memory."""
        for number in count():
            row = self._read(partial(_piece, identifier, number), None)
            if row is None:
                return
            yield row

    def retry(self, identifier: str, now: float) -> bool:
        """What is unknown or failed waits again, from now on; False if there is nothing of it to send."""

        def work(connection: sqlite3.Connection) -> bool:
            query = "UPDATE recipients SET state = ?, reply = '' WHERE ticket = ? AND state IN (?, ?)"
            again = connection.execute(query, (WAITING, identifier, UNKNOWN, FAILED)).rowcount
            change = (
                "UPDATE tickets SET state = ?1, next_attempt = ?2, created = ?2, attempts = 0, once = 0, ended = NULL"
            )
            where = " WHERE id = ?3 AND (state = ?1 OR (?4 AND state IN (?5, ?6)))"
            return connection.execute(change + where, (WAITING, now, identifier, again, UNKNOWN, FAILED)).rowcount > 0

        return self._file.write(work)

    def forget(self, identifier: str) -> bool:
        """Removes it, unless it is being sent. False if there is none."""

        def work(connection: sqlite3.Connection) -> bool:
            busy = "SELECT 1 FROM tickets WHERE id = ? AND state NOT IN (?, ?)"
            found = connection.execute(busy, (identifier, SENDING, INCOMING)).fetchone()
            return found is not None and _remove(connection, identifier)

        return self._file.write(work)

    def _add(self, connection: sqlite3.Connection, ticket: Ticket, pieces: Sequence[bytes]) -> str:
        if (earlier := _with_key(connection, ticket.key)) is not None:
            return earlier
        query = "SELECT count(*), coalesce(sum(size), 0) FROM tickets WHERE state <> ?"
        tickets, octets = connection.execute(query, (SENT,)).fetchone()
        if tickets >= self._most or octets + ticket.size > self._most_octets:
            raise StoreFull(
                f"the outbox {self.path} holds {tickets} messages of {octets} octets, which is as much as it may",
                phase="store",
                advice="send or forget some of them, or allow more",
            )
        _purge(connection, before=ticket.created - KEPT)
        connection.execute(_INSERT, [getattr(ticket, name) for name in _NAMES])
        for position, each in enumerate(ticket.recipients):
            row = (ticket.id, position, each.address, each.state, each.reply)
            connection.execute("INSERT INTO recipients VALUES (?, ?, ?, ?, ?)", row)
        for number, piece in enumerate(pieces):
            _add_piece((ticket.id, number, piece), connection)
        return ticket.id

    def _complete(self, connection: sqlite3.Connection, ticket: Ticket) -> str:
        if (earlier := _with_key(connection, ticket.key)) is not None:
            _remove(connection, ticket.id)
            return earlier
        change = "UPDATE tickets SET state = ?, key = ?, next_attempt = ?, owner = '' WHERE id = ?"
        connection.execute(change, (WAITING, ticket.key, ticket.next_attempt, ticket.id))
        return ticket.id

    def _read(self, operation: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        read = self._file.read(operation)
        return otherwise if read is None else read


def _with_key(connection: sqlite3.Connection, key: str | None) -> str | None:
    row = connection.execute("SELECT id FROM tickets WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _owners(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT DISTINCT owner FROM tickets WHERE state IN (?, ?)"
    return [owner for (owner,) in connection.execute(query, (SENDING, INCOMING))]


def _ticket(connection: sqlite3.Connection, row: Sequence[object]) -> Ticket:
    query = "SELECT address, state, reply FROM recipients WHERE ticket = ? ORDER BY position"
    recipients = tuple(TicketRecipient(*each) for each in connection.execute(query, (row[0],)))
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    for name in ("eight_bit", "smtputf8", "once"):
        values[name] = bool(values[name])
    return Ticket(recipients=recipients, **values)


def _recovered(connection: sqlite3.Connection, ticket: Ticket) -> Ticket:
    row = connection.execute("SELECT idempotent FROM servers WHERE via = ?", (ticket.via,)).fetchone()
    once = row is not None and bool(row[0]) and ticket.key is not None
    state = WAITING if once else UNKNOWN
    recipients = tuple(replace(each, state=state) if each.state == WAITING else each for each in ticket.recipients)
    again = ticket.created if once else None  # it is due at once
    whole = state_of(recipients)
    return replace(ticket, recipients=recipients, state=whole, once=once, next_attempt=again, error=_CRASHED)


def _write_state(connection: sqlite3.Connection, ticket: Ticket) -> None:
    connection.execute(
        "UPDATE tickets SET state = ?, owner = '', once = ?, next_attempt = ?, ended = ?, error = ?, receipt = ?,"
        " attempts = ? WHERE id = ?",
        (
            ticket.state,
            ticket.once,
            ticket.next_attempt,
            ticket.ended,
            ticket.error,
            ticket.receipt,
            ticket.attempts,
            ticket.id,
        ),
    )
    for position, each in enumerate(ticket.recipients):
        change = "UPDATE recipients SET state = ?, reply = ? WHERE ticket = ? AND position = ?"
        connection.execute(change, (each.state, each.reply, ticket.id, position))
    if ticket.state == SENT:
        connection.execute("DELETE FROM pieces WHERE ticket = ?", (ticket.id,))


def _add_piece(row: tuple[str, int, bytes], connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO pieces VALUES (?, ?, ?)", row)


def _piece(identifier: str, number: int, connection: sqlite3.Connection) -> bytes | None:
    query = "SELECT octets FROM pieces WHERE ticket = ? AND number = ?"
    row = connection.execute(query, (identifier, number)).fetchone()
    return None if row is None else bytes(row[0])


def _remove(connection: sqlite3.Connection, identifier: str) -> bool:
    for table in ("pieces", "recipients"):
        connection.execute(f"DELETE FROM {table} WHERE ticket = ?", (identifier,))  # noqa: S608
    return connection.execute("DELETE FROM tickets WHERE id = ?", (identifier,)).rowcount > 0


def _purge(connection: sqlite3.Connection, *, before: float) -> None:
    query = "SELECT id FROM tickets WHERE state = ? AND ended < ? LIMIT 100"
    for (identifier,) in connection.execute(query, (SENT, before)).fetchall():
        _remove(connection, identifier)
