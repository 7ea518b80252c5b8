"""mailward.store.migrate"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store.migrate import Migration, migrate, shipped

PATH = Path("state.sqlite")
FIRST = Migration(1, "001_first.sql", "CREATE TABLE first (a);\n")
SECOND = Migration(2, "002_second.sql", "CREATE TABLE second (a);\nCREATE TABLE third (a);\n")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_shipped_are_numbered_without_a_gap() -> None:
    """001, 002, …: a name says its place."""
    found = shipped()

    assert [migration.version for migration in found] == list(range(1, len(found) + 1))
    assert all(migration.name[:4] == f"{migration.version:03}_" for migration in found)


def test_shipped_make_the_schema(connection: sqlite3.Connection) -> None:
    """All of them apply to an empty database, and their checksums are kept."""
    migrate(connection, PATH, shipped())

    assert {"messages", "deliveries", "events"} <= tables(connection)
    assert connection.execute("SELECT version, checksum FROM migrations").fetchall() == [
        (migration.version, migration.checksum) for migration in shipped()
    ]
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_is_new_is_added(connection: sqlite3.Connection) -> None:
    """A database of an older version gets what it lacks; what it has is not applied again."""
    migrate(connection, PATH, (FIRST,))

    migrate(connection, PATH, (FIRST, SECOND))
    migrate(connection, PATH, (FIRST, SECOND))

    assert tables(connection) == {"migrations", "first", "second", "third"}


def test_all_or_nothing(connection: sqlite3.Connection) -> None:
    """When a statement fails, the database is as it was."""
    migrate(connection, PATH, (FIRST,))
    broken = replace(SECOND, sql=SECOND.sql + "CREATE TABLE first (a);\n")

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection, PATH, (FIRST, broken))

    assert tables(connection) == {"migrations", "first"}
    assert not connection.in_transaction


def test_a_newer_database_is_refused(connection: sqlite3.Connection) -> None:
    """A migration this version does not know is named."""
    migrate(connection, PATH, (FIRST, SECOND))

    with pytest.raises(StoreError, match=r"state\.sqlite was written by a newer Mailward: it has 002_second\.sql"):
        migrate(connection, PATH, (FIRST,))


def test_an_altered_migration_is_refused(connection: sqlite3.Connection) -> None:
    """A migration that says something else than when it was applied is found by its checksum."""
    migrate(connection, PATH, (FIRST,))

    with pytest.raises(StoreError, match=r"another migration 001_first\.sql"):
        migrate(connection, PATH, (replace(FIRST, sql=FIRST.sql + "-- changed\n"),))


def test_a_foreign_database_is_refused(connection: sqlite3.Connection) -> None:
    """Another program's tables are not ours to add to."""
    connection.execute("CREATE TABLE theirs (a)")

    with pytest.raises(StoreError, match="of another program"):
        migrate(connection, PATH, (FIRST,))

    assert tables(connection) == {"theirs"}


def test_statements_are_told_apart() -> None:
    """A trigger's body and a semicolon in a comment or a text end no statement."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b; -- one;\n  DELETE FROM c;\nEND;\n"
    text = "INSERT INTO a VALUES ('x;\ny');\n"

    statements = list(Migration(1, "001_x.sql", trigger + text + "-- the end\n").statements())

    assert [statement for statement in statements if not statement.startswith("--")] == [trigger, text]
