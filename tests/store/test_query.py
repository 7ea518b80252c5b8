"""mailward.store.query"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store.query import paged, rows

QUERY = "SELECT id FROM numbers WHERE id > ? AND id % ? = 0 ORDER BY id LIMIT ?"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "numbers.sqlite", isolation_level=None)
    opened.executescript(
        "PRAGMA synchronous = OFF; CREATE TABLE numbers (id INTEGER PRIMARY KEY);"
        " WITH RECURSIVE counted (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM counted LIMIT 1500)"
        " INSERT INTO numbers SELECT id FROM counted"
    )
    yield opened
    opened.close()


@pytest.mark.parametrize("limit", [None, 0, 1, 499, 500, 501, 1000, 1500, 9999])
@pytest.mark.parametrize("after", [0, 1, 999, 1500])
@pytest.mark.parametrize("step", [1, 3])
def test_pages_are_seamless(connection: sqlite3.Connection, limit: int | None, after: int, step: int) -> None:
    """Whatever the limit and the page size, each row comes once, in order."""
    found = [number for (number,) in paged(connection, QUERY, after=after, values=(step,), limit=limit)]

    assert found == [number for number in range(after + 1, 1501) if number % step == 0][:limit]


def test_a_slow_consumer_holds_no_snapshot(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """Between two rows nothing is locked: another connection may drop the table."""
    found = paged(connection, QUERY, after=0, values=(1,), limit=None)
    next(found)
    other = sqlite3.connect(tmp_path / "numbers.sqlite", isolation_level=None, timeout=0)

    other.execute("DELETE FROM numbers WHERE id > 700")
    other.close()

    assert sum(1 for _ in found) == 699


def test_a_fault_names_the_file(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """What SQLite cannot do is a StoreError with the path and SQLite's own word for it."""
    with pytest.raises(StoreError, match=r"numbers\.sqlite.*no such table: missing") as caught:
        rows(connection, "SELECT * FROM missing")

    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert str(tmp_path) in str(caught.value)
