"""Brings a database to the schema of this version: each migrations/NNN_name.sql once, in order, none altered."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mailward.errors import StoreError

APPLICATION_ID = 0x4D574152  # "MWAR", the mark of our files in SQLite's header

_LEDGER = "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT, checksum TEXT) STRICT"


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """One by one, because `executescript` would commit what went before."""
        statement = ""
        for line in self.sql.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""
        if statement.strip():
            yield statement


def shipped() -> tuple[Migration, ...]:
    """The migrations of this version, in order."""
    found = [entry for entry in files("mailward.store").joinpath("migrations").iterdir() if entry.name.endswith(".sql")]
    migrations = [Migration(int(entry.name[:3]), entry.name, entry.read_text("utf-8")) for entry in found]
    return tuple(sorted(migrations, key=lambda migration: migration.version))


def migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    """Apply what is missing, all or nothing. Raises StoreError for a foreign, a newer or an altered database."""
    _refuse_foreign(connection, path)
    if _missing(connection, path, migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            _apply(connection, path, migrations)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _apply(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(_LEDGER)
    for migration in _missing(connection, path, migrations):
        for statement in migration.statements():
            connection.execute(statement)
        entry = (migration.version, migration.name, migration.checksum)
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", entry)


def _missing(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> list[Migration]:
    known = {migration.version: migration for migration in migrations}
    applied = _applied(connection)
    for version, (name, checksum) in applied.items():
        if version not in known:
            raise StoreError(
                f"{path} was written by a newer Mailward: it has {name}, unknown to this version",
                phase="store",
                advice="Upgrade Mailward, or name another state directory.",
            )
        if checksum != known[version].checksum:
            raise StoreError(
                f"{path} has another migration {name} than this Mailward ships",
                phase="store",
                advice="Install the release that wrote it, or restore a backup; the schema was altered.",
            )
    return [migration for migration in migrations if migration.version not in applied]


def _applied(connection: sqlite3.Connection) -> dict[int, tuple[str, str]]:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").fetchone():
        return {}
    ledger = connection.execute("SELECT version, name, checksum FROM migrations")
    return {version: (name, checksum) for version, name, checksum in ledger}


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and mark != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program",
            phase="store",
            advice="Name another state directory.",
        )
