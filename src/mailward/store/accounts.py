"""The accounts table: rows in and out; what they mean is `mailward.accounts`'s."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from mailward.store.query import rows

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]

_FIND = """
SELECT name, verifier, scram_salt, scram_iterations, scram_stored_key, scram_server_key, senders, created, changed
FROM accounts WHERE name = ?
"""
_LIST = """
SELECT name, verifier, scram_salt, scram_iterations, scram_stored_key, scram_server_key, senders, created, changed
FROM accounts ORDER BY name
"""
_INSERT = """
INSERT OR IGNORE INTO accounts
(name, verifier, scram_salt, scram_iterations, scram_stored_key, scram_server_key, senders, created, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEW_VERIFIER = """
UPDATE accounts
SET verifier = ?, scram_salt = ?, scram_iterations = ?, scram_stored_key = ?, scram_server_key = ?, changed = ?
WHERE name = ?
"""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One row, column by column. `senders`: a JSON array of addresses."""

    name: str
    verifier: str = field(repr=False)
    scram_salt: bytes = field(repr=False)
    scram_iterations: int
    scram_stored_key: bytes = field(repr=False)
    scram_server_key: bytes = field(repr=False)
    senders: str
    created: float
    changed: float


def find(reader: sqlite3.Connection, name: str) -> AccountRow | None:
    """The row with exactly this name: one look-up by primary key."""
    found = rows(reader, _FIND, (name,))
    return AccountRow(*found[0]) if found else None


def listing(reader: sqlite3.Connection) -> tuple[AccountRow, ...]:
    """Every row, by name."""
    return tuple(AccountRow(*row) for row in rows(reader, _LIST))


def names(reader: sqlite3.Connection, limit: int) -> tuple[str, ...]:
    """At most `limit` names, by name."""
    return tuple(name for (name,) in rows(reader, "SELECT name FROM accounts ORDER BY name LIMIT ?", (limit,)))


def insert(row: AccountRow) -> Operation[bool]:
    """False: there is one of this name already, and it is as it was."""
    values = (
        row.name,
        row.verifier,
        row.scram_salt,
        row.scram_iterations,
        row.scram_stored_key,
        row.scram_server_key,
        row.senders,
        row.created,
        row.changed,
    )
    return _changes(_INSERT, *values)


def replace_password(row: AccountRow) -> Operation[bool]:
    """Give an account the verifier, the SCRAM keys and the `changed` of `row`. False: no such account."""
    return _changes(
        _NEW_VERIFIER,
        row.verifier,
        row.scram_salt,
        row.scram_iterations,
        row.scram_stored_key,
        row.scram_server_key,
        row.changed,
        row.name,
    )


def remove(name: str) -> Operation[bool]:
    """Take the account away, with the sources it was known from: the next one of this name is somebody else."""

    def operation(connection: sqlite3.Connection) -> bool:
        connection.execute("DELETE FROM known_sources WHERE account = ?", (name,))
        return connection.execute("DELETE FROM accounts WHERE name = ?", (name,)).rowcount == 1

    return operation


def _changes(statement: str, *values: str | bytes | float) -> Operation[bool]:
    def operation(connection: sqlite3.Connection) -> bool:
        return connection.execute(statement, values).rowcount == 1

    return operation
