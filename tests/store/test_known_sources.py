"""Which accounts log in from where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.store import Database
from mailward.store.known_sources import accounts_at, number, sources_of


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = Database.open(tmp_path / "mailward.sqlite")
    opened = database.connect()
    rows = [("ann", "ip:1", 10.0), ("ann", "ip:2", 30.0), ("ann", "ip:3", 20.0), ("bob", "ip:2", 25.0)]
    opened.executemany("INSERT INTO known_sources (account, source, seen) VALUES (?, ?, ?)", rows)
    yield opened
    opened.close()
    database.close()


def test_of_an_account(connection: sqlite3.Connection) -> None:
    """The latest first, none that is too old, no more than asked for."""
    assert sources_of(connection, "ann", since=15.0, limit=9) == [("ip:2", 30.0), ("ip:3", 20.0)]
    assert sources_of(connection, "ann", since=0.0, limit=1) == [("ip:2", 30.0)]


def test_of_a_source(connection: sqlite3.Connection) -> None:
    """Who logs in from there."""
    assert accounts_at(connection, "ip:2", since=0.0, limit=9) == [("ann", 30.0), ("bob", 25.0)]
    assert accounts_at(connection, "ip:4", since=0.0, limit=9) == []


def test_numbers(connection: sqlite3.Connection) -> None:
    """Pairs, accounts, sources."""
    assert number(connection, since=0.0) == (4, 2, 3)
    assert number(connection, since=26.0) == (1, 1, 1)
