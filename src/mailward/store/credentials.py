"""The credentials table: passwords and app passwords, each change in one transaction of the Writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from mailward.store.query import rows

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]

COLUMNS: Final = (
    "id", "state", "verifier", "stored_key", "server_key", "created", "last_used", "ends", "since", "warned",
    "selector", "label", "scopes", "allow_from",
)  # fmt: skip
# Every change is told from the one before, also within the resolution of the clock or when the clock was set back.
TOUCH: Final = "UPDATE accounts SET changed = max(?, changed + 0.000001) WHERE name = ?"
_ADD = """
INSERT INTO credentials (account, state, verifier, stored_key, server_key, created)
VALUES (?, 'current', ?, ?, ?, ?)
"""
_ADD_APP = """
INSERT INTO credentials
(account, state, verifier, stored_key, server_key, created, ends, selector, label, scopes, allow_from)
SELECT name, 'app', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM accounts
WHERE name = ?1 AND (SELECT count(*) FROM credentials WHERE account = name AND state = 'app') < ?11
AND NOT EXISTS (SELECT 1 FROM credentials WHERE account = name AND state = 'app' AND label = ?8)
"""
_CURRENT = "SELECT id FROM credentials WHERE account = ? AND state = 'current'"
_RETIRE = "UPDATE credentials SET state = 'old' WHERE account = ? AND state IN ('current', 'former')"
_RETIRE_FORMER = "UPDATE credentials SET state = 'old', ends = ? WHERE account = ? AND state = 'former'"
_OVERLAP = """
UPDATE credentials SET ends = ?1, since = ?2,
state = iif((SELECT must_change FROM accounts WHERE name = ?3), 'old', 'former')
WHERE account = ?3 AND state = 'current'
"""
_TRIM = """
DELETE FROM credentials WHERE account = ?1 AND state = 'old' AND id NOT IN
(SELECT id FROM credentials WHERE account = ?1 AND state = 'old' ORDER BY id DESC LIMIT ?2)
"""
_SILENT = """
SELECT id, account, ends FROM credentials
WHERE state = 'former' AND (ends <= ?1 OR max(since, coalesce(last_used, since)) <= ?2) ORDER BY account
"""
_USED = """
UPDATE credentials SET last_used = ?1 WHERE id = ?2 AND account = ?3 AND (last_used IS NULL OR last_used <= ?1 - ?4)
"""
_WARNED = """
UPDATE credentials SET warned = ?1 WHERE id = ?2 AND state = 'current' AND (warned IS NULL OR warned > ?1)
"""
_REHASH = """
UPDATE credentials SET verifier = ?, stored_key = coalesce(?, stored_key), server_key = coalesce(?, server_key)
WHERE id = ? AND account = ? AND verifier = ?
"""
_TOTP_ON = "UPDATE accounts SET totp_secret = ?, totp_step = 0, second_factor = ? WHERE name = ?"
_TOTP_STEP = "UPDATE accounts SET totp_step = ?1 WHERE name = ?2 AND totp_secret = ?3 AND totp_step < ?1"


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """One row, column by column. scopes, allow_from: JSON arrays."""

    id: int
    state: str
    verifier: str = field(repr=False)
    stored_key: bytes | None = field(repr=False)
    server_key: bytes | None = field(repr=False)
    created: float
    last_used: float | None = None
    ends: float | None = None
    since: float | None = None
    warned: float | None = None
    selector: str | None = None
    label: str | None = None
    scopes: str | None = None
    allow_from: str | None = None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """created: Unix seconds, also the time of the change."""

    verifier: str = field(repr=False)
    stored_key: bytes | None = field(repr=False)
    server_key: bytes | None = field(repr=False)
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAppPassword:
    digest: str = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    created: float
    ends: float | None
    selector: str
    label: str
    scopes: str
    allow_from: str


def add_password(connection: sqlite3.Connection, account: str, new: NewPassword) -> None:
    """For operations: there is no current password of the account."""
    connection.execute(_ADD, (account, new.verifier, new.stored_key, new.server_key, new.created))


def replace(account: str, new: NewPassword, *, expected: int, keep: int) -> Operation[bool]:
    """The one password from now on; `keep` of those before are remembered, and none must be changed any more.

    False: `expected` is not the current password's id: somebody else was first, or the account is gone.
    """

    def operation(connection: sqlite3.Connection) -> bool:
        if connection.execute(_CURRENT, (account,)).fetchone() != (expected,):
            return False
        connection.execute(_RETIRE, (account,))
        _renew(connection, account, new, keep)
        connection.execute(TOUCH, (new.created, account))
        return True

    return operation


def overlap(account: str, new: NewPassword, *, expected: int, until: float, keep: int) -> Operation[bool]:
    """The new password beside the current one, which ends at `until`; one that overlapped already ends now.

    No session of the one that stays ends. One that had to be changed does not stay. False: as for `replace`.
    """

    def operation(connection: sqlite3.Connection) -> bool:
        if connection.execute(_CURRENT, (account,)).fetchone() != (expected,):
            return False
        if connection.execute(_RETIRE_FORMER, (new.created, account)).rowcount:
            connection.execute(TOUCH, (new.created, account))
        connection.execute(_OVERLAP, (until, new.created, account))
        _renew(connection, account, new, keep)
        return True

    return operation


def retire(account: str, *, now: float, keep: int) -> Operation[bool]:
    """End the overlap: only the newest password is taken. False: there was none."""

    def operation(connection: sqlite3.Connection) -> bool:
        done = connection.execute(_RETIRE_FORMER, (now, account)).rowcount == 1
        if done:
            connection.execute(_TRIM, (account, keep))
            connection.execute(TOUCH, (now, account))
        return done

    return operation


def retire_silent(*, now: float, unused_since: float, keep: int) -> Operation[tuple[tuple[str, bool], ...]]:
    """End every overlap that is over, or whose older password was not used after `unused_since`.

    (account, whether its time was over) of each.
    """

    def operation(connection: sqlite3.Connection) -> tuple[tuple[str, bool], ...]:
        found = connection.execute(_SILENT, (now, unused_since)).fetchall()
        for _, account, _ in found:
            retire(account, now=now, keep=keep)(connection)
        return tuple((account, ends is not None and ends <= now) for _, account, ends in found)

    return operation


def any_silent(reader: sqlite3.Connection, *, now: float, unused_since: float) -> bool:
    """Whether `retire_silent` would do anything."""
    return bool(rows(reader, _SILENT + " LIMIT 1", (now, unused_since)))


def add_app_password(account: str, new: NewAppPassword, *, most: int) -> Operation[int | None]:
    """Its id; None: the account has `most` already, or one of this label, or is gone."""
    values = (account, new.digest, new.stored_key, new.server_key, new.created, new.ends)
    more = (new.selector, new.label, new.scopes, new.allow_from, most)

    def operation(connection: sqlite3.Connection) -> int | None:
        added = connection.execute(_ADD_APP, (*values, *more))
        return added.lastrowid if added.rowcount == 1 else None

    return operation


def revoke_app_password(account: str, number: int, *, now: float) -> Operation[bool]:
    """False: the account has none of this id."""

    def operation(connection: sqlite3.Connection) -> bool:
        statement = "DELETE FROM credentials WHERE id = ? AND account = ? AND state = 'app'"
        done = connection.execute(statement, (number, account)).rowcount == 1
        if done:
            connection.execute(TOUCH, (now, account))
        return done

    return operation


def used(account: str, number: int, *, now: float, every: float) -> Operation[bool]:
    """False, and nothing is written: the last use that is noted is less than `every` seconds ago."""
    return _changes(_USED, now, number, account, every)


def warned(number: int, stage: float) -> Operation[bool]:
    """False: this stage of the password's expiry, or a later one, has been told; or the password is not current."""
    return _changes(_WARNED, stage, number)


def rehash(account: str, number: int, new: NewPassword, *, before: str) -> Operation[bool]:
    """The same password under another verifier. False: its verifier is not `before` any more."""
    return _changes(_REHASH, new.verifier, new.stored_key, new.server_key, number, account, before)


def set_totp(account: str, secret: bytes | None, *, second_factor: int, now: float) -> Operation[bool]:
    """False: no such account."""

    def operation(connection: sqlite3.Connection) -> bool:
        done = connection.execute(_TOTP_ON, (secret, second_factor, account)).rowcount == 1
        connection.execute(TOUCH, (now, account))
        return done

    return operation


def totp_secret(reader: sqlite3.Connection, account: str) -> bytes | None:
    found = rows(reader, "SELECT totp_secret FROM accounts WHERE name = ?", (account,))
    return found[0][0] if found else None


def take_step(account: str, secret: bytes, step: int) -> Operation[bool]:
    """Note that the code of this time step was used. False: it was, or a later one, or the secret is another."""
    return _changes(_TOTP_STEP, step, account, secret)


def _renew(connection: sqlite3.Connection, account: str, new: NewPassword, keep: int) -> None:
    add_password(connection, account, new)
    connection.execute("UPDATE accounts SET must_change = 0 WHERE name = ?", (account,))
    connection.execute(_TRIM, (account, keep))


def _changes(statement: str, *values: str | bytes | float | None) -> Operation[bool]:
    def operation(connection: sqlite3.Connection) -> bool:
        return connection.execute(statement, values).rowcount == 1

    return operation
