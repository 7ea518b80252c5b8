"""Bans and known sources: read at every login, written seldom, and in force from the moment they are decided.

What was decided here and is not yet on disk is kept in memory until the group commit; everything else is read from
the database each time, so that another process that lifts a ban is heeded at the next login. The two classes belong
to the thread of their reader, and `submit` must call back there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from mailward.errors import StoreError
from mailward.store.query import rows

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]
_REFRESH = 86_400.0  # a known source is written again at most once a day


class Submit(Protocol):
    """`Writer.submit`: never raises; `done` is called later, after the commit or with the error."""

    def __call__(self, operation: Operation[T], done: Callable[[T | None, StoreError | None], None], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Ban:
    """subject: `ip:…` or `account:…`. added, until: Unix seconds."""

    subject: str
    reason: str
    added: float
    until: float


class Bans:
    """Implements `mailward.guard.ports.BanBook`."""

    def __init__(self, reader: sqlite3.Connection, submit: Submit) -> None:
        self._reader = reader
        self._submit = submit
        self._decided: dict[str, float] = {}  # not on disk yet
        self._unwritable: set[str] = set()  # of these: never will be
        self._sweeping = False

    def until(self, subject: str) -> float | None:
        """When the ban of `subject` ends, Unix seconds; a time in the past is an ended ban that is not yet swept."""
        if subject in self._decided:
            return self._decided[subject]
        return _number(self._reader, "SELECT until FROM bans WHERE subject = ?", subject)

    def add(self, subject: str, *, reason: str, added: float, until: float) -> None:
        """In force when this returns. One that cannot be written stays in force in this process until it ends."""
        self._decided[subject] = until

        def written(_result: None, error: StoreError | None) -> None:
            if self._decided.get(subject) != until:
                return
            if error is None:
                del self._decided[subject]
            else:
                self._unwritable.add(subject)

        self._submit(insert(Ban(subject, reason, added, until)), written)

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        """Take away the bans that ended by `now`; `tell` hears each subject once, whichever process sweeps."""
        for subject in [subject for subject in self._unwritable if self._decided.get(subject, now) <= now]:
            self._unwritable.discard(subject)
            if self._decided.pop(subject, None) is not None:
                tell(subject)
        if self._sweeping or _number(self._reader, "SELECT 1 FROM bans WHERE until <= ? LIMIT 1", now) is None:
            return

        def swept(subjects: tuple[str, ...] | None, _error: StoreError | None) -> None:
            self._sweeping = False
            for subject in subjects or ():
                tell(subject)

        self._sweeping = True
        self._submit(remove_ended(now), swept)


class KnownSources:
    """Implements `mailward.guard.ports.KnownSources`."""

    def __init__(self, reader: sqlite3.Connection, submit: Submit) -> None:
        self._reader = reader
        self._submit = submit
        self._decided: dict[tuple[str, str], float | None] = {}  # not on disk yet; None: forgotten
        self._sweeping = False

    def knows(self, account: str, source: str, *, since: float) -> bool:
        """Whether `account` logged in from `source` at or after `since`, Unix seconds."""
        seen = self._seen(account, source)
        return seen is not None and seen >= since

    def saw(self, account: str, source: str, *, now: float) -> None:
        """A login of `account` from `source` succeeded."""
        seen = self._seen(account, source)
        if seen is None or now - seen > _REFRESH:
            self._decide((account, source), now)

    def forget(self, account: str, source: str) -> None:
        """`source` is a stranger to `account` again."""
        self._decide((account, source), None)

    def expire(self, *, before: float) -> None:
        """Forget the pairs last seen before this time."""
        if (
            self._sweeping
            or _number(self._reader, "SELECT 1 FROM known_sources WHERE seen < ? LIMIT 1", before) is None
        ):
            return

        def swept(_result: None, _error: StoreError | None) -> None:
            self._sweeping = False

        self._sweeping = True
        self._submit(_execute("DELETE FROM known_sources WHERE seen < ?", before), swept)

    def _seen(self, account: str, source: str) -> float | None:
        if (account, source) in self._decided:
            return self._decided[account, source]
        query = "SELECT seen FROM known_sources WHERE account = ? AND source = ?"
        return _number(self._reader, query, account, source)

    def _decide(self, pair: tuple[str, str], seen: float | None) -> None:
        self._decided[pair] = seen
        operation = (
            _execute("DELETE FROM known_sources WHERE account = ? AND source = ?", *pair)
            if seen is None
            else _execute("INSERT OR REPLACE INTO known_sources (account, source, seen) VALUES (?, ?, ?)", *pair, seen)
        )

        def written(_result: None, error: StoreError | None) -> None:
            lost_for_good = error is not None and seen is None  # what was to be forgotten must not come back
            if not lost_for_good and self._decided.get(pair) == seen:
                self._decided.pop(pair, None)

        self._submit(operation, written)


def listing(reader: sqlite3.Connection, now: float) -> tuple[Ban, ...]:
    """Every ban that holds now, the newest last."""
    query = "SELECT subject, reason, added, until FROM bans WHERE until > ? ORDER BY added, subject"
    return tuple(Ban(*row) for row in rows(reader, query, (now,)))


def insert(ban: Ban) -> Operation[None]:
    """A ban of the same subject is replaced."""
    statement = "INSERT OR REPLACE INTO bans (subject, reason, added, until) VALUES (?, ?, ?, ?)"
    return _execute(statement, ban.subject, ban.reason, ban.added, ban.until)


def remove(subject: str) -> Operation[bool]:
    """Lift one ban, for the command line. False: there was none."""

    def operation(connection: sqlite3.Connection) -> bool:
        return connection.execute("DELETE FROM bans WHERE subject = ?", (subject,)).rowcount == 1

    return operation


def remove_ended(now: float) -> Operation[tuple[str, ...]]:
    """Take away the bans that ended by `now`; their subjects."""

    def operation(connection: sqlite3.Connection) -> tuple[str, ...]:
        rows = connection.execute("DELETE FROM bans WHERE until <= ? RETURNING subject", (now,)).fetchall()
        return tuple(subject for (subject,) in rows)

    return operation


def _execute(statement: str, *values: str | float) -> Operation[None]:
    def operation(connection: sqlite3.Connection) -> None:
        connection.execute(statement, values)

    return operation


def _number(reader: sqlite3.Connection, query: str, *values: str | float) -> float | None:
    found = rows(reader, query, values)
    return float(found[0][0]) if found else None
