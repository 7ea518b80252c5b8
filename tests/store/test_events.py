"""mailward.store.events"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.events import decode
from mailward.store import Database, events
from tests.store.sample import NOW, login_failed, message_accepted


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = Database.open(tmp_path / "mailward.sqlite")
    opened = database.connect()
    yield opened
    opened.close()
    database.close()


def test_what_was_appended_is_read(connection: sqlite3.Connection) -> None:
    """Each event comes back as its one JSON form, under the id it was given, in the order it was written."""
    told = [login_failed(0), message_accepted(1), login_failed(2, account="änn@example.test")]

    ids = [events.append(connection, event) for event in told]

    found = list(events.select(connection))
    assert [id_ for id_, _ in found] == ids == sorted(set(ids))
    assert [decode(line) for _, line in found] == told


@pytest.mark.parametrize(
    "types, seconds",
    [(None, [0, 1, 2]), (["login.failed"], [0, 2]), (["message.accepted", "login.failed"], [0, 1, 2]), ([], []), (["x"], [])],
)
def test_types(connection: sqlite3.Connection, types: list[str] | None, seconds: list[int]) -> None:
    """Only those types; none named, none found."""
    for event in (login_failed(0), message_accepted(1), login_failed(2)):
        events.append(connection, event)

    found = [decode(line) for _, line in events.select(connection, types=types)]

    assert [event.time.timestamp() - NOW for event in found] == seconds


def test_source_and_account(connection: sqlite3.Connection) -> None:
    """One address's events, one account's, or both."""
    told = [
        login_failed(0, source="192.0.2.1", account="ann"),
        login_failed(1, source="192.0.2.1", account="bob"),
        login_failed(2, source="192.0.2.2", account="ann"),
    ]
    ids = [events.append(connection, event) for event in told]

    def found(**filters: str) -> list[int]:
        return [id_ for id_, _ in events.select(connection, account=filters.get("account"), source=filters.get("source"))]

    assert found(source="192.0.2.1") == ids[:2]
    assert found(account="ann") == [ids[0], ids[2]]
    assert found(account="ann", source="192.0.2.2") == ids[2:]
    assert found(account="ann' OR 1 --") == []


def test_following(connection: sqlite3.Connection) -> None:
    """From the last id on, only what is new is read; a limit is the caller's."""
    assert events.last_id(connection) == 0
    for second in range(5):
        events.append(connection, login_failed(second))
    last = events.last_id(connection)

    assert list(events.select(connection, after_id=last)) == []
    new = [events.append(connection, message_accepted(second)) for second in range(5)]
    assert [id_ for id_, _ in events.select(connection, after_id=last)] == new
    assert [id_ for id_, _ in events.select(connection, after_id=last, limit=2)] == new[:2]


def test_pruning(connection: sqlite3.Connection) -> None:
    """What is older goes, at most so many at a time; what is not older stays."""
    ids = [events.append(connection, login_failed(second)) for second in range(10)]

    gone = [events.prune(connection, before=NOW + 6, limit=4) for _ in range(3)]

    assert gone == [4, 2, 0]
    assert [id_ for id_, _ in events.select(connection)] == ids[6:]


def test_an_id_is_never_used_again(connection: sqlite3.Connection) -> None:
    """Even when everything is old the newest stays, so that a follower misses nothing."""
    ids = [events.append(connection, login_failed(second)) for second in range(3)]

    events.prune(connection, before=NOW + 1000)

    assert events.last_id(connection) == ids[-1]
    assert events.append(connection, login_failed(3)) > ids[-1]


@pytest.mark.parametrize("column", ["type", "source", "account"])
def test_a_search_does_not_read_everything(connection: sqlite3.Connection, column: str) -> None:
    """Type, source and account are looked up in an index."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT id, line FROM events WHERE id > 0 AND {column} = 'x'")

    assert f"events_by_{column}" in str(plan.fetchall())
