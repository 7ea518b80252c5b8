"""The accounts table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import accounts as table
from mailward.store.accounts import AccountRow
from mailward.store.database import Database
from mailward.store.writer import Writer

ANN = AccountRow("ann@example.test", "$argon2id$canary", b"salt", 4096, b"stored", b"server", "[]", 1.0, 1.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state" / "mailward.db")
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, deliver=lambda call: call())
    yield writer
    writer.close()


def test_what_goes_in_comes_out(database: Database, writer: Writer) -> None:
    """A row is found by exactly its name, column by column."""
    assert writer.run(table.insert(ANN)) is True

    assert table.find(database.reader(), ANN.name) == ANN
    assert table.find(database.reader(), "Ann@example.test") is None


def test_a_name_is_given_once(database: Database, writer: Writer) -> None:
    """The second insert says no and changes nothing."""
    writer.run(table.insert(ANN))

    assert writer.run(table.insert(replace(ANN, verifier="another"))) is False
    assert table.find(database.reader(), ANN.name) == ANN


def test_a_new_password_leaves_the_rest(database: Database, writer: Writer) -> None:
    """Verifier, SCRAM keys and the time of the change; neither senders nor creation."""
    writer.run(table.insert(replace(ANN, senders='["sales@example.test"]')))
    new = AccountRow(ANN.name, "new", b"s2", 8192, b"k2", b"v2", "[]", 9.0, 9.0)

    assert writer.run(table.replace_password(new)) is True
    assert table.find(database.reader(), ANN.name) == replace(new, senders='["sales@example.test"]', created=1.0)
    assert writer.run(table.replace_password(replace(new, name="bob"))) is False


def test_a_removed_account_leaves_nothing(database: Database, writer: Writer) -> None:
    """The next one of that name is not known where the old one was."""
    writer.run(table.insert(ANN))
    insert = "INSERT INTO known_sources VALUES (?, 'ip:192.0.2.7', 1.0)"
    writer.run(lambda connection: connection.execute(insert, (ANN.name,)).rowcount)

    assert writer.run(table.remove(ANN.name)) is True
    assert writer.run(table.remove(ANN.name)) is False
    assert database.reader().execute("SELECT * FROM accounts, known_sources").fetchall() == []
    assert database.reader().execute("SELECT * FROM known_sources").fetchall() == []


def test_listing_is_by_name(database: Database, writer: Writer) -> None:
    """Every row, and as many names as are asked for."""
    for name in ("c", "a", "b"):
        writer.run(table.insert(replace(ANN, name=name)))

    assert [row.name for row in table.listing(database.reader())] == ["a", "b", "c"]
    assert table.names(database.reader(), 2) == ("a", "b")


def test_a_row_shows_no_secret() -> None:
    """Neither the verifier nor the keys are in its repr."""
    shown = repr(ANN)

    assert ANN.name in shown
    assert not any(secret in shown for secret in ("canary", "salt'", "stored'", "server'"))


def test_an_unreadable_table_is_a_store_error(database: Database, writer: Writer) -> None:
    """SQLite's own exceptions stay inside."""
    writer.run(lambda connection: connection.execute("DROP TABLE accounts").rowcount)

    with pytest.raises(StoreError):
        table.find(database.reader(), ANN.name)
