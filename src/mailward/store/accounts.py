"""The accounts table: rows in and out; what they mean is `mailward.accounts`'s."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, TypeAlias, TypeVar

from mailward.errors import StoreError
from mailward.store.credentials import COLUMNS, TOUCH, CredentialRow, NewPassword, add_password
from mailward.store.query import Row, rows

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]

_FIELDS: Final = (
    "name", "scram_salt", "scram_iterations", "senders", "created", "changed",
    "allow_from", "disabled", "second_factor", "must_change", "totp_secret IS NOT NULL",
)  # fmt: skip
_SELECT = (
    f"SELECT {', '.join(f'a.{each}' for each in _FIELDS)}, {', '.join(f'c.{each}' for each in COLUMNS)} "  # noqa: S608
    "FROM accounts AS a LEFT JOIN credentials AS c ON c.account = a.name "
)
_FIND = _SELECT + "WHERE a.name = ? ORDER BY c.id DESC"
_LIST = _SELECT + "ORDER BY a.name, c.id DESC"
_INSERT = """
INSERT OR IGNORE INTO accounts (name, scram_salt, scram_iterations, senders, created, changed)
VALUES (?, ?, ?, ?, ?, ?)
"""
_SETTABLE = frozenset({"allow_from", "disabled", "second_factor", "must_change"})


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One row, column by column, and its credentials, the newest first. senders, allow_from: JSON arrays."""

    name: str
    scram_salt: bytes = field(repr=False)
    scram_iterations: int
    senders: str
    created: float
    changed: float
    allow_from: str = "[]"
    disabled: int = 0
    second_factor: int = 0
    must_change: int = 0
    totp: int = 0
    credentials: tuple[CredentialRow, ...] = ()


def find(reader: sqlite3.Connection, name: str) -> AccountRow | None:
    """The row with exactly this name and its credentials, of one moment: two look-ups by index in one statement."""
    found = rows(reader, _FIND, (name,))
    return _row(found) if found else None


def listing(reader: sqlite3.Connection) -> tuple[AccountRow, ...]:
    """Every row, by name."""
    return tuple(_row(list(group)) for _, group in groupby(rows(reader, _LIST), key=lambda row: row[0]))


def names(reader: sqlite3.Connection, limit: int) -> tuple[str, ...]:
    """At most `limit` names, by name."""
    return tuple(name for (name,) in rows(reader, "SELECT name FROM accounts ORDER BY name LIMIT ?", (limit,)))


def insert(row: AccountRow, password: NewPassword) -> Operation[bool]:
    """The account with its first password. False: there is one of this name already, and it is as it was."""
    values = (row.name, row.scram_salt, row.scram_iterations, row.senders, row.created, row.changed)

    def operation(connection: sqlite3.Connection) -> bool:
        if connection.execute(_INSERT, values).rowcount != 1:
            return False
        add_password(connection, row.name, password)
        return True

    return operation


def change(
    name: str,
    values: Mapping[str, str | int],
    *,
    more: AbstractSet[str] = frozenset(),
    less: AbstractSet[str] = frozenset(),
    now: float,
) -> Operation[bool]:
    """Set columns of an account, each named by its key; add and take senders. False: no such account."""
    if not values.keys() <= _SETTABLE:
        raise ValueError(f"not to be set: {sorted(values.keys() - _SETTABLE)}")

    def operation(connection: sqlite3.Connection) -> bool:
        found = connection.execute("SELECT senders FROM accounts WHERE name = ?", (name,)).fetchone()
        if found is None:
            return False
        if more or less:
            _set(connection, name, {"senders": _edited(found[0], more, less)})
        if values:
            _set(connection, name, values)
            connection.execute(TOUCH, (now, name))
        return True

    return operation


def remove(name: str) -> Operation[bool]:
    """Take the account away, with the sources it was known from: the next one of this name is somebody else."""

    def operation(connection: sqlite3.Connection) -> bool:
        connection.execute("DELETE FROM known_sources WHERE account = ?", (name,))
        connection.execute("DELETE FROM credentials WHERE account = ?", (name,))
        return connection.execute("DELETE FROM accounts WHERE name = ?", (name,)).rowcount == 1

    return operation


def _set(connection: sqlite3.Connection, name: str, values: Mapping[str, str | int]) -> None:
    assignments = ", ".join(f"{column} = ?" for column in values)
    statement = f"UPDATE accounts SET {assignments} WHERE name = ?"  # noqa: S608  # of names written here
    connection.execute(statement, (*values.values(), name))


def _edited(senders: str, more: AbstractSet[str], less: AbstractSet[str]) -> str:
    try:
        listed = {str(each) for each in json.loads(senders)}
    except (ValueError, TypeError) as error:
        raise StoreError("the senders of the account are damaged", phase="store") from error
    return json.dumps(sorted((listed | more) - less), ensure_ascii=False)


def _row(joined: Iterable[Row]) -> AccountRow:
    every = list(joined)
    count = len(_FIELDS)
    credentials = tuple(CredentialRow(*row[count:]) for row in every if row[count] is not None)
    return replace(AccountRow(*every[0][:count]), credentials=credentials)
