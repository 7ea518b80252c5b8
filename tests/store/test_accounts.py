"""The accounts table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import accounts as table
from mailward.store.accounts import AccountRow
from mailward.store.credentials import CredentialRow, NewPassword
from mailward.store.database import Database
from mailward.store.writer import Writer

ANN = AccountRow("ann@example.test", b"salt", 4096, "[]", 1.0, 1.0)
PASSWORD = NewPassword("$argon2id$canary", b"stored", b"server", 1.0)


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


def found(database: Database) -> AccountRow:
    row = table.find(database.reader(), ANN.name)
    assert row is not None
    return row


def test_what_goes_in_comes_out(database: Database, writer: Writer) -> None:
    """A row is found by exactly its name, column by column, with its credentials."""
    assert writer.run(table.insert(ANN, PASSWORD)) is True

    password = CredentialRow(1, "current", "$argon2id$canary", b"stored", b"server", 1.0)
    assert found(database) == replace(ANN, credentials=(password,))
    assert table.find(database.reader(), "Ann@example.test") is None


def test_a_name_is_given_once(database: Database, writer: Writer) -> None:
    """The second insert says no and changes nothing."""
    writer.run(table.insert(ANN, PASSWORD))
    before = found(database)

    assert writer.run(table.insert(ANN, replace(PASSWORD, verifier="another"))) is False
    assert found(database) == before


def test_columns_are_changed(database: Database, writer: Writer) -> None:
    """Those that are named, and the time of the change; others cannot be."""
    writer.run(table.insert(ANN, PASSWORD))
    before = found(database)

    assert writer.run(table.change(ANN.name, {"disabled": 1, "allow_from": '["192.0.2.0/24"]'}, now=9.0)) is True
    assert found(database) == replace(before, disabled=1, allow_from='["192.0.2.0/24"]', changed=9.0)
    assert writer.run(table.change("bob", {"disabled": 1}, now=9.0)) is False
    with pytest.raises(ValueError, match="name"):
        table.change(ANN.name, {"name": "bob"}, now=9.0)


def test_senders_come_and_go(database: Database, writer: Writer) -> None:
    """Added and taken in one step, on what is there at that moment; that ends no session."""
    writer.run(table.insert(replace(ANN, senders='["a@b.test", "c@d.test"]'), PASSWORD))

    more, less = {"é@b.test", "a@b.test"}, {"c@d.test", "nobody@b.test"}
    assert writer.run(table.change(ANN.name, {}, more=more, less=less, now=9.0)) is True
    assert (found(database).senders, found(database).changed) == ('["a@b.test", "é@b.test"]', 1.0)


def test_every_change_is_told_from_the_one_before(database: Database, writer: Writer) -> None:
    """Within one moment, and when the clock is set back."""
    writer.run(table.insert(ANN, PASSWORD))
    seen = []
    for now in (5.0, 5.0, 2.0):
        writer.run(table.change(ANN.name, {"disabled": 1}, now=now))
        seen.append(found(database).changed)

    assert seen == sorted(set(seen))
    assert seen[0] == 5.0
    assert seen[-1] < 5.1


def test_a_removed_account_leaves_nothing(database: Database, writer: Writer) -> None:
    """The next one of that name is not known where the old one was, and has none of its credentials."""
    writer.run(table.insert(ANN, PASSWORD))
    insert = "INSERT INTO known_sources VALUES (?, 'ip:192.0.2.7', 1.0)"
    writer.run(lambda connection: connection.execute(insert, (ANN.name,)).rowcount)

    assert writer.run(table.remove(ANN.name)) is True
    assert writer.run(table.remove(ANN.name)) is False
    for name in ("accounts", "credentials", "known_sources"):
        assert database.reader().execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_listing_is_by_name(database: Database, writer: Writer) -> None:
    """Every row with what is its own, and as many names as are asked for."""
    for name in ("c", "a", "b"):
        writer.run(table.insert(replace(ANN, name=name), replace(PASSWORD, verifier=name)))

    listed = [(row.name, [each.verifier for each in row.credentials]) for row in table.listing(database.reader())]
    assert listed == [("a", ["a"]), ("b", ["b"]), ("c", ["c"])]
    assert table.names(database.reader(), 2) == ("a", "b")


def test_a_row_shows_no_secret(database: Database, writer: Writer) -> None:
    """Neither the verifier, nor the keys, nor the salt are in its repr."""
    writer.run(table.insert(ANN, PASSWORD))
    shown = repr(found(database))

    assert ANN.name in shown
    assert not any(secret in shown for secret in ("canary", "salt'", "stored'", "server'"))


def test_an_unreadable_table_is_a_store_error(database: Database, writer: Writer) -> None:
    """SQLite's own exceptions stay inside, and damaged senders are not guessed at."""
    writer.run(table.insert(replace(ANN, senders="{"), PASSWORD))
    with pytest.raises(StoreError, match="senders"):
        writer.run(table.change(ANN.name, {}, more={"a@b.test"}, now=1.0))
    writer.run(lambda connection: connection.execute("DROP TABLE credentials").rowcount)

    with pytest.raises(StoreError):
        table.find(database.reader(), ANN.name)
