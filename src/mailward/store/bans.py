"""Bans and known sources: read at every login, written seldom, and in force from the moment they are decided.

What was decided here and is not yet on disk is kept in memory until the group commit; everything else is read from
the database each time, so that another process that lifts a ban is heeded at the next login. The two classes belong
to the thread of their reader, and `submit` must call back there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from mailward.errors import StoreError
from mailward.store.query import Row, rows

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]
_REFRESH = 86_400.0  # a known source is written again at most once a day


class Submit(Protocol):
    """`Writer.submit`: never raises; `done` is called later, after the commit or with the error."""

    def __call__(self, operation: Operation[T], done: Callable[[T | None, StoreError | None], None], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Ban:
    """subject: `ip:…` or `account:…`. added, until: Unix seconds. rule: which one was broken (`source-failures`), for
    the operator's own words `reason`. times: how many bans this makes. by: `guard` or `operator`."""

    subject: str
    reason: str
    added: float
    until: float
    rule: str = ""
    times: int = 1
    by: str = "guard"


class Found(NamedTuple):
    """Implements `mailward.guard.ports.Banned`."""

    until: float
    by: str
    lifted: bool = False


class Bans:
    """Implements `mailward.guard.ports.BanBook`."""

    def __init__(self, reader: sqlite3.Connection, submit: Submit) -> None:
        self._reader = reader
        self._submit = submit
        self._decided: dict[str, float] = {}  # not on disk yet
        self._unwritable: set[str] = set()  # of these: never will be
        self._heeded: dict[str, float] = {}  # lifted lines the guard has heeded, by their end; perhaps not deleted yet
        self._sweeping = False

    def found(self, subjects: Sequence[str]) -> dict[str, Found]:
        """What the book has of one or two subjects, ended bans that are not yet swept too; one query."""
        return self.completed(subjects, rows(self._reader, _FOUND[len(subjects) - 1], subjects))

    def completed(self, subjects: Sequence[str], found: Sequence[Row]) -> dict[str, Found]:
        """Rows of the table, with what was decided here and is not in it yet."""
        lines = {subject: Found(until, by, lifted != 0) for subject, until, by, lifted in found}
        if self._decided:
            for subject in subjects:
                line = lines.get(subject)
                if subject in self._decided and (line is None or line.by == _GUARD):
                    lines[subject] = Found(self._decided[subject], _GUARD)
        if self._heeded:
            for subject in subjects:
                line = lines.get(subject)
                if line is not None and line.lifted and self._heeded.get(subject) == line.until:
                    del lines[subject]
        return lines

    def until(self, subject: str) -> float | None:
        """When the ban of `subject` ends, Unix seconds; a time in the past is an ended ban that is not yet swept."""
        line = self.found((subject,)).get(subject)
        return None if line is None or line.lifted else line.until

    def add(self, subject: str, *, reason: str, added: float, until: float, times: int = 1) -> None:
        """In force when this returns. One that cannot be written stays in force in this process until it ends.

        The operator's own ban of the subject is left as it is while it holds.
        """
        self._decided[subject] = until

        def written(_result: None, error: StoreError | None) -> None:
            if self._decided.get(subject) != until:
                return
            if error is None:
                del self._decided[subject]
            else:
                self._unwritable.add(subject)

        ban = Ban(subject, reason, added, until, rule=reason, times=times)
        self._submit(_insert(ban, "WHERE bans.placed_by <> 'operator' OR bans.until <= excluded.added"), written)

    def settled(self, subject: str) -> None:
        """What was lifted has been heeded: the row may go, and is not shown again here even while it cannot, or each
        login would give back every guess."""
        line = self.found((subject,)).get(subject)
        if line is None or not line.lifted:
            return
        self._heeded[subject] = line.until

        def written(_result: None, error: StoreError | None) -> None:
            if error is None and self._heeded.get(subject) == line.until:
                del self._heeded[subject]

        self._submit(_execute("DELETE FROM bans WHERE subject = ? AND lifted = 1", subject), written)

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        """Take away the bans that ended by `now`; `tell` hears each subject once, whichever process sweeps."""
        for subject in [subject for subject in self._unwritable if self._decided.get(subject, now) <= now]:
            self._unwritable.discard(subject)
            if self._decided.pop(subject, None) is not None:
                tell(subject)
        ended = "SELECT 1 FROM bans WHERE until <= ? LIMIT 1"
        if self._sweeping or _number(self._reader, ended, now) is None:
            return

        def swept(subjects: tuple[str, ...] | None, error: StoreError | None) -> None:
            self._sweeping = False
            if error is None:
                self._heeded = {subject: until for subject, until in self._heeded.items() if until > now}
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

    def known_accounts(self, source: str, *, since: float) -> int:
        """How many accounts logged in from `source` at or after `since`."""
        query = "SELECT count(*) FROM known_sources WHERE source = ? AND seen >= ?"
        number = int(_number(self._reader, query, source, since) or 0)
        if self._decided:
            query = "SELECT 1 FROM known_sources WHERE account = ? AND source = ? AND seen >= ?"
            for (account, where), seen in self._decided.items():
                if where == source:
                    number -= _number(self._reader, query, account, source, since) is not None
                    number += seen is not None and seen >= since
        return number

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

    def completed(self, account: str, source: str, seen: float | None) -> float | None:
        """What the table says, or what was decided here since."""
        return self._decided.get((account, source), seen) if self._decided else seen

    def _seen(self, account: str, source: str) -> float | None:
        query = "SELECT seen FROM known_sources WHERE account = ? AND source = ?"
        return self.completed(account, source, _number(self._reader, query, account, source))

    def _decide(self, pair: tuple[str, str], seen: float | None) -> None:
        self._decided[pair] = seen
        operation = (
            _execute("DELETE FROM known_sources WHERE account = ? AND source = ?", *pair)
            if seen is None
            else _saw(*pair, seen)
        )

        def written(_result: None, error: StoreError | None) -> None:
            lost_for_good = error is not None and seen is None  # what was to be forgotten must not come back
            if not lost_for_good and self._decided.get(pair) == seen:
                self._decided.pop(pair, None)

        self._submit(operation, written)


class LookUp:
    """Implements `mailward.guard.ports.LookUp`: what every login asks of both, in one query instead of two."""

    def __init__(self, reader: sqlite3.Connection, bans: Bans, known: KnownSources) -> None:
        self._reader = reader
        self._bans = bans
        self._known = known

    def __call__(self, account: str, source: str, subjects: Sequence[str]) -> tuple[dict[str, Found], float | None]:
        """The bans of one or two subjects, and when `account` last logged in from `source`."""
        found = rows(self._reader, _LOOK_UP[len(subjects) - 1], (account, source, *subjects))
        seen = None
        if found and found[0][0] == "":  # the parts of a UNION ALL come one after the other
            seen = found.pop(0)[1]
        return self._bans.completed(subjects, found), self._known.completed(account, source, seen)


def listing(reader: sqlite3.Connection, now: float) -> tuple[Ban, ...]:
    """Every ban that holds now, the newest last."""
    query = f"SELECT {_COLUMNS} FROM bans WHERE until > ? AND lifted = 0 ORDER BY added, subject"  # noqa: S608
    return tuple(Ban(*row) for row in rows(reader, query, (now,)))


def of(reader: sqlite3.Connection, subjects: Sequence[str], now: float) -> tuple[Ban, ...]:
    """The bans of these that hold now."""
    query = f"SELECT {_COLUMNS} FROM bans WHERE subject = ? AND until > ? AND lifted = 0"  # noqa: S608
    return tuple(Ban(*row) for subject in subjects for row in rows(reader, query, (subject, now)))


def exportable(reader: sqlite3.Connection, now: float) -> tuple[Ban, ...]:
    """The bans that a firewall may enforce: of sources where nobody has ever logged in from."""
    query = (
        f"SELECT {_COLUMNS} FROM bans WHERE until > ? AND lifted = 0 AND subject LIKE 'ip:%'"  # noqa: S608
        " AND subject NOT IN (SELECT source FROM proven_sources) ORDER BY added, subject"
    )
    return tuple(Ban(*row) for row in rows(reader, query, (now,)))


def insert(ban: Ban) -> Operation[None]:
    """A ban of the same subject is replaced."""
    return _insert(ban, "")


def remove(subject: str) -> Operation[bool]:
    """Lift one ban, for the command line. False: there was none.

    The row stays, lifted, until the guard has forgotten its own count.
    """

    def operation(connection: sqlite3.Connection) -> bool:
        statement = "UPDATE bans SET lifted = 1 WHERE subject = ? AND lifted = 0"
        return connection.execute(statement, (subject,)).rowcount == 1

    return operation


def remove_ended(now: float) -> Operation[tuple[str, ...]]:
    """Take away the bans that ended by `now`; the subjects of those that nobody had lifted before."""

    def operation(connection: sqlite3.Connection) -> tuple[str, ...]:
        statement = "DELETE FROM bans WHERE until <= ? RETURNING subject, lifted"
        ended = connection.execute(statement, (now,)).fetchall()
        return tuple(subject for subject, lifted in ended if not lifted)

    return operation


_GUARD = "guard"
_COLUMNS = "subject, reason, added, until, rule, times, placed_by"


def _insert(ban: Ban, condition: str) -> Operation[None]:
    statement = (
        f"INSERT INTO bans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        " ON CONFLICT (subject) DO UPDATE SET reason = excluded.reason, added = excluded.added, until = excluded.until,"
        f" rule = excluded.rule, times = excluded.times, placed_by = excluded.placed_by, lifted = 0 {condition}"
    )
    return _execute(statement, ban.subject, ban.reason, ban.added, ban.until, ban.rule, ban.times, ban.by)


def _saw(account: str, source: str, seen: float) -> Operation[None]:
    def operation(connection: sqlite3.Connection) -> None:
        pair = (account, source, seen)
        connection.execute("INSERT OR REPLACE INTO known_sources (account, source, seen) VALUES (?, ?, ?)", pair)
        connection.execute("INSERT OR IGNORE INTO proven_sources (source, first) VALUES (?, ?)", (source, seen))

    return operation


def _found_query(number: int) -> str:
    """A look-up each: for `IN` SQLite would build a table first, which takes twice as long."""
    return " UNION ALL ".join(["SELECT subject, until, placed_by, lifted FROM bans WHERE subject = ?"] * number)


_FOUND = (_found_query(1), _found_query(2))
_LOOK_UP = tuple(
    f"SELECT '', seen, '', 0 FROM known_sources WHERE account = ? AND source = ? UNION ALL {query}"  # noqa: S608
    for query in _FOUND
)


def _execute(statement: str, *values: str | float) -> Operation[None]:
    def operation(connection: sqlite3.Connection) -> None:
        connection.execute(statement, values)

    return operation


def _number(reader: sqlite3.Connection, query: str, *values: str | float) -> float | None:
    found = rows(reader, query, values)
    return float(found[0][0]) if found else None
