"""The newest events of somebody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailward.events import BanAdded, BanRemoved, encode
from mailward.store import Database, events
from mailward.store.event_search import newest, of_session
from tests.store.sample import at, login_failed, message_accepted

SUBJECT = "ip:192.0.2.7"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = Database.open(tmp_path / "mailward.sqlite")
    opened = database.connect()
    yield opened
    opened.close()
    database.close()


def test_the_newest_the_oldest_of_them_first(connection: sqlite3.Connection) -> None:
    """Of one source, of one account, of both together; at most so many."""
    told = [login_failed(n, source=f"192.0.2.{n % 2}", account=f"{'ab'[n // 2 % 2]}@x.test") for n in range(8)]
    lines = [encode(event) for event in told]
    events.append_all(connection, told)

    def seconds(*, source: str | None = None, account: str | None = None) -> list[int]:
        return [lines.index(line) for line in newest(connection, source=source, account=account, limit=3)]

    assert seconds(source="192.0.2.1") == [3, 5, 7]
    assert seconds(account="a@x.test") == [1, 4, 5]
    assert seconds(source="192.0.2.1", account="a@x.test") == [1, 5]
    assert newest(connection, limit=3) == []


def test_bans_of_an_operator_are_found(connection: sqlite3.Connection) -> None:
    """They name no source, only their subject."""
    events.append(connection, BanAdded(time=at(1), subject=SUBJECT, until=0.0, reason="operator"))
    events.append(connection, BanAdded(time=at(2), subject="ip:192.0.2.8", until=0.0, reason="operator"))
    events.append(connection, login_failed(3))
    events.append(connection, BanRemoved(time=at(4), subject=SUBJECT, reason="operator"))

    found = [json.loads(line)["type"] for line in newest(connection, source="192.0.2.7", subjects=(SUBJECT,), limit=9)]

    assert found == ["ban.added", "login.failed", "ban.removed"]


def test_a_session(connection: sqlite3.Connection) -> None:
    """All of it, logins and messages, and nothing of one whose name a client put into an account's."""
    session = "0123456789ab"
    fake = msgspec.structs.replace(login_failed(0), account=f'"session":"{session}"')
    first = msgspec.structs.replace(login_failed(1), session=session)
    second = msgspec.structs.replace(message_accepted(2), session=session)
    for event in (fake, first, login_failed(), second):
        events.append(connection, event)

    found, more = of_session(connection, session, within=100)

    assert [json.loads(line)["type"] for line in found] == ["login.failed", "message.accepted"]
    assert not more


def test_the_search_is_bounded(connection: sqlite3.Connection) -> None:
    """Beyond so many events it says that there are older ones."""
    events.append(connection, msgspec.structs.replace(login_failed(), session="old"))
    events.append_all(connection, [login_failed(n) for n in range(20)])

    assert of_session(connection, "old", within=20) == ([], True)
    assert len(of_session(connection, "old", within=21)[0]) == 1
    assert of_session(connection, "none", within=21) == ([], False)
