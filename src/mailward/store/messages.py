"""Accepted messages and what is still to be done for them (RFC 5321 §4.5.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from mailward.errors import InputError, StoreError
from mailward.printable import printable
from mailward.store.message import (
    BOUNCED,
    COLUMNS,
    DELIVERED,
    KEPT,
    QUEUED,
    NewMessage,
    RecipientState,
    StoredMessage,
    from_row,
)
from mailward.store.query import Row, paged, rows
from mailward.store.spool import Spool

_FINAL = frozenset({DELIVERED, BOUNCED})
_LONGEST_WAIT = 8 * 86_400.0  # no schedule waits longer (RFC 5321 §4.5.4.1: give up after 4-5 days); a wrong clock did


_INSERT = (
    "INSERT INTO messages (id, received, size, envelope_from, envelope_to, account, source, session, subject,"
    " smtputf8, eightbit, spool, content) VALUES "
)
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_QUEUE = "INSERT INTO deliveries (message, next_attempt) SELECT seq, received FROM messages WHERE id IN "
_SELECT = f"SELECT {COLUMNS} FROM messages"  # noqa: S608  # constants
_DELIVERY = "deliveries ON deliveries.message = messages.seq"
_DUE = f"{_SELECT} JOIN {_DELIVERY} WHERE next_attempt {{}} ? ORDER BY next_attempt, message LIMIT ? OFFSET ?"
_STATE = {
    KEPT: "message IS NULL",
    QUEUED: "next_attempt IS NOT NULL",
    BOUNCED: "message IS NOT NULL AND next_attempt IS NULL",
}


def insert(connection: sqlite3.Connection, message: NewMessage) -> None:
    """Store it; due at once unless `hold`."""
    insert_all(connection, [message])


def insert_all(connection: sqlite3.Connection, new: Sequence[NewMessage]) -> None:
    """Store them all by one statement; each is due at once unless `hold`."""
    values: list[object] = []
    for message in new:
        values += _values(message)
    connection.execute(_INSERT + ", ".join([_ROW] * len(new)), values)
    queued = [message.id for message in new if not message.hold]
    if queued:
        connection.execute(f"{_QUEUE}({', '.join('?' * len(queued))})", queued)


def _values(message: NewMessage) -> tuple[object, ...]:
    return (
        message.id,
        message.received,
        message.size,
        message.envelope_from,
        msgspec.json.encode(message.envelope_to).decode(),
        message.account,
        message.source,
        message.session,
        message.subject,
        message.smtputf8,
        message.eightbit,
        message.spool,
        message.content,
    )


def listing(
    connection: sqlite3.Connection,
    *,
    states: Collection[str] | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Iterator[StoredMessage]:
    """In order of arrival; of these `states` only; at most `limit`; those that arrived after the message `after`."""
    chosen = " OR ".join(f"({_STATE.get(state, 'FALSE')})" for state in states) if states is not None else "TRUE"
    query = f"{_SELECT} LEFT JOIN {_DELIVERY} WHERE id > ? AND ({chosen or 'FALSE'}) ORDER BY id LIMIT ?"
    return map(from_row, paged(connection, query, after=after or "", limit=limit))


def get(connection: sqlite3.Connection, id: str) -> StoredMessage | None:  # noqa: A002  # its name everywhere
    found = rows(connection, f"{_SELECT} LEFT JOIN {_DELIVERY} WHERE id = ?", (id,))
    return from_row(found[0]) if found else None


def content(connection: sqlite3.Connection, id: str, spool: Spool) -> Iterator[bytes]:  # noqa: A002
    """The stored octets in pieces. Raises InputError for an unknown message, StoreError if they are not all there."""
    found = rows(connection, "SELECT content, spool, size FROM messages WHERE id = ?", (id,))
    if not found:
        raise _unknown(id)
    octets, name, size = found[0]
    return iter((octets,)) if name is None else spool.read(name, size)


def due(
    connection: sqlite3.Connection, now: float, limit: int, *, damaged: Callable[[StoreError], None] | None = None
) -> list[StoredMessage]:
    """The queued messages whose time has come, longest waiting first. One that is being delivered is due again.

    A row that cannot be understood is passed over, and `damaged` hears of it: it holds up no other.
    """
    found: list[StoredMessage] = []
    for comparison, moment in (("<=", now), (">", now + _LONGEST_WAIT)):
        query, offset = _DUE.format(comparison), 0
        while wanted := limit - len(found):
            page = rows(connection, query, (moment, wanted, offset))
            found += _understood(page, damaged)
            if len(page) < wanted:
                break
            offset += wanted
    return found


def _understood(page: list[Row], damaged: Callable[[StoreError], None] | None) -> Iterator[StoredMessage]:
    for row in page:
        try:
            yield from_row(row)
        except StoreError as problem:
            if damaged is not None:
                damaged(problem)


def record_attempt(
    connection: sqlite3.Connection,
    id: str,  # noqa: A002
    *,
    results: Mapping[str, tuple[str, str]],
    next_attempt: float | None,
    now: float,
) -> StoredMessage:
    """What became of each address: (delivered, deferred or bounced; reply). Those not named stay as they were.

    When each is final the message leaves the queue: deleted if all were delivered, else kept as bounced.
    """
    message = get(connection, id)
    if message is None:
        raise _unknown(id)
    if message.state != QUEUED:
        raise InputError(f"message {id} is {message.state}, not queued", phase="queue")
    recipients = _merge(message, results)
    if all(recipient.state in _FINAL for recipient in recipients):
        bounced = any(recipient.state == BOUNCED for recipient in recipients)
        state, next_attempt = (BOUNCED if bounced else DELIVERED), None
    elif next_attempt is None:
        raise InputError(f"message {id} has recipients left and no time for the next attempt", phase="queue")
    else:
        state = QUEUED
    after = replace(
        message,
        state=state,
        attempts=message.attempts + 1,
        next_attempt=next_attempt,
        last_attempt=now,
        last_reply=_last_reply(message, results),
        recipients=recipients,
    )
    _write(connection, after)
    return after


def spooled(connection: sqlite3.Connection) -> set[str]:
    """The names of the spool files that belong to a message, for `Spool.sweep`."""
    return {name for (name,) in rows(connection, "SELECT spool FROM messages WHERE spool IS NOT NULL")}


def _merge(message: StoredMessage, results: Mapping[str, tuple[str, str]]) -> tuple[RecipientState, ...]:
    strangers = results.keys() - message.envelope_to
    if strangers:
        raise InputError(f"message {message.id} has no recipient {printable(min(strangers))}", phase="queue")
    return tuple(
        RecipientState(recipient.address, *results[recipient.address]) if recipient.address in results else recipient
        for recipient in message.recipients
    )


def _last_reply(message: StoredMessage, results: Mapping[str, tuple[str, str]]) -> str:
    """The last one that tells of trouble, else the last one."""
    replies = [reply for _, reply in sorted(results.values(), key=lambda result: result[0] != DELIVERED)]
    return replies[-1] if replies else message.last_reply


def _write(connection: sqlite3.Connection, message: StoredMessage) -> None:
    if message.state == DELIVERED:
        connection.execute("DELETE FROM messages WHERE id = ?", (message.id,))
        return
    progress = [(recipient.state, recipient.reply) for recipient in message.recipients]
    connection.execute(
        "UPDATE deliveries SET next_attempt = ?, last_attempt = ?, attempts = ?, last_reply = ?, recipients = ?"
        " WHERE message = (SELECT seq FROM messages WHERE id = ?)",
        (
            message.next_attempt,
            message.last_attempt,
            message.attempts,
            message.last_reply,
            msgspec.json.encode(progress).decode(),
            message.id,
        ),
    )


def _unknown(id_: str) -> InputError:
    return InputError(f"there is no message {printable(id_)}", phase="queue")
