"""mailward.store.events"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.events import Event, decode
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
    told: list[Event] = [login_failed(0), message_accepted(1), login_failed(2, account="änn@example.test")]

    ids = [events.append(connection, event) for event in told]

    found = list(events.select(connection))
    assert [id_ for id_, _ in found] == ids == sorted(set(ids))
    assert [decode(line) for _, line in found] == told


@pytest.mark.parametrize(
    "types, seconds",
    [
        (None, [0, 1, 2]),
        (["login.failed"], [0, 2]),
        (["message.accepted", "login.failed"], [0, 1, 2]),
        ([], []),
        (["x"], []),
    ],
)
def test_types(connection: sqlite3.Connection, types: list[str] | None, seconds: list[int]) -> None:
    """Only those types; none named, none found."""
    told: list[Event] = [login_failed(0), message_accepted(1), login_failed(2)]
    for event in told:
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
        return [
            id_ for id_, _ in events.select(connection, account=filters.get("account"), source=filters.get("source"))
        ]

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


def test_what_comes_meanwhile_is_for_the_next_time(connection: sqlite3.Connection) -> None:
    """Of two types neither overtakes the other: what is written during a reading has an id after its last one."""
    first = [events.append(connection, login_failed(0)), events.append(connection, message_accepted(1))]
    found = events.select(connection, types=["login.failed", "message.accepted"])
    seen = [next(found)[0]]
    later = [events.append(connection, login_failed(2)), events.append(connection, message_accepted(3))]

    seen += [id_ for id_, _ in found]

    assert seen == first
    assert [id_ for id_, _ in events.select(connection, after_id=seen[-1])] == later


@pytest.mark.parametrize(
    "types, account, source, index",
    [
        (None, None, None, "USING INTEGER PRIMARY KEY"),
        (["login.failed"], None, None, "events_by_type"),
        (["login.failed", "ban.added"], None, None, "events_by_type"),
        (None, "ann", None, "events_by_account"),
        (None, None, "192.0.2.7", "events_by_source"),
    ],
)
def test_a_search_does_not_read_everything(
    connection: sqlite3.Connection, types: list[str] | None, account: str | None, source: str | None, index: str
) -> None:
    """Logins and bans are looked up in an index that has its rows in order already; what messages did is read by id."""
    asked: list[str] = []
    events.append(connection, login_failed())
    connection.set_trace_callback(asked.append)
    list(events.select(connection, types=types, account=account, source=source))
    connection.set_trace_callback(None)

    queries = [query for query in asked if "ORDER BY" in query]
    plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()) for query in queries]
    assert len(plans) == (len(types) if types else 1 if index.startswith("USING") else 2)
    assert all("TEMP B-TREE" not in plan for plan in plans)
    assert sum(index in plan for plan in plans) == (len(types) if types else 1)
