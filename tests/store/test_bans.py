"""Bans and known sources in SQLite."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import bans as table
from mailward.store.bans import Ban, Bans, KnownSources
from mailward.store.database import Database
from mailward.store.writer import Writer

ANN, HOME = "ann@example.test", "ip:192.0.2.7"
DAY = 86_400.0


class Disk:
    """A database, its writer, and a loop that turns when the test says so."""

    def __init__(self, path: Path) -> None:
        self.calls: queue.Queue[Callable[[], None]] = queue.Queue()
        self.database = Database.open(path)
        self.writer = Writer(self.database, deliver=self.calls.put)
        self.reader = self.database.reader()
        self.bans = Bans(self.reader, self.writer.submit)
        self.known = KnownSources(self.reader, self.writer.submit)

    def settle(self) -> None:
        """Let everything that was submitted reach the disk and be told."""
        for _ in range(2):  # the second begins after everybody in the group of the first was told
            self.writer.run(lambda _connection: None)
        while not self.calls.empty():
            self.calls.get_nowait()()

    def close(self) -> None:
        self.writer.close()
        self.database.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "state" / "mailward.db")
    yield disk
    disk.close()


@pytest.fixture
def other(disk: Disk) -> Iterator[Disk]:
    """The same database, opened as another process would."""
    other = Disk(disk.database.path)
    yield other
    other.close()


def test_a_ban_holds_before_it_is_written(disk: Disk, other: Disk) -> None:
    """In this process from the moment it is added, in others from the commit on."""
    disk.bans.add(HOME, reason="source-failures", added=10.0, until=20.0)
    assert disk.bans.until(HOME) == 20.0

    disk.settle()
    assert disk.bans.until(HOME) == 20.0
    assert other.bans.until(HOME) == 20.0
    assert disk.bans.until("ip:192.0.2.8") is None
    assert disk.bans._decided == {}


def test_another_process_lifts_a_ban(disk: Disk, other: Disk) -> None:
    """It is over at the next look."""
    disk.bans.add(HOME, reason="source-failures", added=10.0, until=20.0)
    disk.settle()

    assert other.writer.run(table.remove(HOME)) is True
    assert disk.bans.until(HOME) is None
    assert other.writer.run(table.remove(HOME)) is False


def test_a_ban_is_renewed(disk: Disk) -> None:
    """The newer end holds, also while both are on their way to the disk."""
    disk.bans.add(HOME, reason="source-failures", added=10.0, until=20.0)
    disk.bans.add(HOME, reason="source-failures", added=15.0, until=25.0)
    assert disk.bans.until(HOME) == 25.0

    disk.settle()
    assert table.listing(disk.reader, 0.0) == (Ban(HOME, "source-failures", 15.0, 25.0),)


def test_the_list_has_what_holds_now(disk: Disk) -> None:
    """Ended bans are not listed, swept or not; the newest comes last."""
    for subject, added, until in (("account:b", 3.0, 30.0), ("account:a", 1.0, 30.0), ("account:c", 2.0, 10.0)):
        disk.writer.run(table.insert(Ban(subject, "r", added, until)))

    assert [ban.subject for ban in table.listing(disk.reader, 10.0)] == ["account:a", "account:b"]


def test_an_ended_ban_is_told_once_by_whoever_sweeps(disk: Disk, other: Disk) -> None:
    """Two processes sweep at the same time; each ended ban is heard of once."""
    for number in range(20):
        disk.bans.add(f"ip:192.0.2.{number}", reason="r", added=1.0, until=10.0)
    disk.bans.add(HOME, reason="r", added=1.0, until=11.0)
    disk.settle()
    told: list[str] = []
    for _ in range(3):
        disk.bans.expire(10.0, told.append)
        other.bans.expire(10.0, told.append)
    disk.settle()
    other.settle()

    assert len(told) == len(set(told)) == 19
    assert disk.bans.until(HOME) == 11.0


def test_a_sweep_with_nothing_to_do_writes_nothing(disk: Disk) -> None:
    """No transaction, so no sync, every few seconds."""
    before = disk.reader.execute("PRAGMA data_version").fetchone()
    disk.bans.expire(10.0, lambda _subject: None)
    disk.known.expire(before=10.0)

    assert disk.calls.empty()
    assert disk.reader.execute("PRAGMA data_version").fetchone() == before


def test_a_ban_that_cannot_be_written_holds_here(disk: Disk) -> None:
    """The disk is full: the ban is in force all the same, ends, and is told once."""
    disk.writer.close()
    told: list[str] = []
    disk.bans.add(HOME, reason="r", added=1.0, until=10.0)
    while not disk.calls.empty():
        disk.calls.get_nowait()()

    assert disk.bans.until(HOME) == 10.0
    disk.bans.expire(9.9, told.append)
    assert told == []
    disk.bans.expire(10.0, told.append)
    disk.bans.expire(10.0, told.append)
    assert told == [HOME]
    assert disk.bans.until(HOME) is None


def test_a_source_is_known_at_once(disk: Disk, other: Disk) -> None:
    """After a login, before the disk knows; to others from the commit on; and only for as long as is asked."""
    disk.known.saw(ANN, HOME, now=100.0)
    assert disk.known.knows(ANN, HOME, since=100.0)
    assert not disk.known.knows(ANN, HOME, since=100.1)

    disk.settle()
    assert other.known.knows(ANN, HOME, since=100.0)
    assert not other.known.knows("bob@example.test", HOME, since=0.0)
    assert not other.known.knows(ANN, "ip:192.0.2.8", since=0.0)


def test_a_known_source_is_written_once_a_day(disk: Disk) -> None:
    """A thousand logins are not a thousand writes."""
    for hours in range(48):
        disk.known.saw(ANN, HOME, now=hours * 3600.0)
        disk.settle()

    assert disk.reader.execute("SELECT seen FROM known_sources").fetchall() == [(25 * 3600.0,)]


def test_a_forgotten_source_stays_forgotten(disk: Disk, other: Disk) -> None:
    """At once here, after the commit elsewhere, and for ever here when it cannot be written."""
    disk.known.saw(ANN, HOME, now=100.0)
    disk.settle()
    disk.known.forget(ANN, HOME)
    assert not disk.known.knows(ANN, HOME, since=0.0)
    disk.settle()
    assert not other.known.knows(ANN, HOME, since=0.0)

    other.known.saw(ANN, HOME, now=200.0)
    other.settle()
    disk.writer.close()
    disk.known.forget(ANN, HOME)
    while not disk.calls.empty():
        disk.calls.get_nowait()()
    assert not disk.known.knows(ANN, HOME, since=0.0)


def test_old_known_sources_go(disk: Disk) -> None:
    """What was last seen before the given time is deleted."""
    disk.known.saw(ANN, HOME, now=100.0)
    disk.known.saw("bob@example.test", HOME, now=200.0)
    disk.settle()
    disk.known.expire(before=150.0)
    disk.settle()

    assert disk.reader.execute("SELECT account FROM known_sources").fetchall() == [("bob@example.test",)]


def test_an_unreadable_database_is_an_error(disk: Disk) -> None:
    """A guard that cannot read its bans must not let everyone in."""
    disk.reader.execute("PRAGMA query_only = OFF")
    disk.reader.execute("DROP TABLE bans")

    with pytest.raises(StoreError):
        disk.bans.until(HOME)
