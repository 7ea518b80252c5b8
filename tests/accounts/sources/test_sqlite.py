"""Accounts in SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.source import UNKNOWN, OutOfOrder, SourceAnswer
from mailward.accounts.sources.sqlite import Sqlite, SqliteSettings
from mailward.errors import InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import question, quick_hasher

pytestmark = pytest.mark.asyncio
QUERY = "SELECT verifier AS password, senders, locked AS disabled FROM users WHERE name = :user"


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    with quick_hasher() as made:
        yield made


@pytest.fixture
def path(tmp_path: Path, hasher: Hasher) -> Path:
    """A database with ann, whose file's name needs quoting."""
    path = tmp_path / "who? 100%.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE users (name TEXT PRIMARY KEY, verifier TEXT, senders TEXT, locked INTEGER)")
        row = ("ann@example.test", hasher.hash(Secret("four words of ann")), "sales@example.test", 0)
        database.execute("INSERT INTO users VALUES (?, ?, ?, ?)", row)
    database.close()
    return path


def opened(path: Path, hasher: Hasher, *, query: str = QUERY, timeout: float = 5.0) -> Sqlite:
    settings = SqliteSettings(path=str(path), query=query, timeout=timeout, connections=2)
    return Sqlite(settings, hasher=hasher, now=time.monotonic)


async def test_right_wrong_nobody(path: Path, hasher: Hasher) -> None:
    """What the row says is what counts; a change in the database counts at the next login."""
    source = opened(path, hasher)
    senders = ("ann@example.test", "sales@example.test")

    assert await source.ask(question()) == SourceAnswer("ann@example.test", right=True, senders=senders)
    assert not (await source.ask(question(password="wrong"))).right
    assert await source.ask(question("bob")) == UNKNOWN
    with sqlite3.connect(path) as database:
        database.execute("UPDATE users SET locked = 1")
    database.close()
    assert (await source.ask(question())).disabled
    await source.close()


@pytest.mark.parametrize("name", ["' OR '1'='1", "ann@example.test' --", "x'; DROP TABLE users; --", "%", "\\"])
async def test_a_name_is_never_sql(path: Path, hasher: Hasher, name: str) -> None:
    """A name that is SQL is looked up like any other, in vain, and the table is as before."""
    source = opened(path, hasher)

    assert await source.ask(question(name)) == UNKNOWN
    assert (await source.ask(question())).right
    await source.close()


async def test_nothing_can_be_written(path: Path, hasher: Hasher) -> None:
    """Not even by a query that tries to."""
    source = opened(path, hasher, query="UPDATE users SET locked = 1 WHERE name = :user RETURNING verifier AS password")

    with pytest.raises(OutOfOrder, match="readonly"):
        await source.ask(question())
    await source.close()


async def test_an_endless_query_is_ended(path: Path, hasher: Hasher) -> None:
    """The time limit ends the work itself, so that no thread is lost on it."""
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT max(i) AS password FROM n WHERE i <> :user"
    )
    source = opened(path, hasher, query=endless, timeout=0.1)
    started = time.monotonic()

    with pytest.raises(OutOfOrder, match="interrupted"):
        await source.ask(question())
    assert time.monotonic() - started < 2
    await source.close()


async def test_a_database_that_is_replaced(path: Path, hasher: Hasher) -> None:
    """The file that has the name now is the one that is asked."""
    source = opened(path, hasher)
    assert (await source.ask(question())).right
    other = path.with_name("other.db")
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE users (name TEXT PRIMARY KEY, verifier TEXT, senders TEXT, locked INTEGER)")
    database.close()
    other.rename(path)

    assert await source.ask(question()) == UNKNOWN
    await source.close()


async def test_no_database(tmp_path: Path, hasher: Hasher) -> None:
    """A missing file is an outage, and is not made."""
    source = opened(tmp_path / "gone.db", hasher)

    with pytest.raises(OutOfOrder, match="unable to open"):
        await source.ask(question())
    assert not (tmp_path / "gone.db").exists()


async def test_a_query_that_asks_for_nobody(tmp_path: Path, hasher: Hasher) -> None:
    """A query without the name would let everybody in with one password."""
    with pytest.raises(InvalidConfig, match=":user"):
        opened(tmp_path / "x.db", hasher, query="SELECT password FROM users")
