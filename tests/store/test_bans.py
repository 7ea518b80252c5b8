"""Bans and known sources in SQLite."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import bans as table
from mailward.store.bans import Ban, Bans, Found, KnownSources, LookUp
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
    assert table.listing(disk.reader, 0.0) == (Ban(HOME, "source-failures", 15.0, 25.0, rule="source-failures"),)


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


def test_a_lifted_ban_waits_for_the_guard(disk: Disk, other: Disk) -> None:
    """It is over and not listed; a guard in another process finds the mark and heeds it, then the row goes."""
    disk.bans.add(HOME, reason="source-failures", added=10.0, until=20.0)
    disk.settle()
    other.writer.run(table.remove(HOME))

    assert table.listing(other.reader, 0.0) == ()
    assert disk.bans.found((HOME,)) == {HOME: Found(20.0, "guard", lifted=True)}
    disk.bans.settled(HOME)
    disk.settle()
    assert disk.bans.found((HOME,)) == {}


def test_a_lifted_ban_is_heeded_once(disk: Disk) -> None:
    """Also while the disk is full and its row stays: or each login would begin with a whole budget."""
    disk.bans.add(HOME, reason="source-failures", added=10.0, until=20.0)
    disk.settle()
    disk.writer.run(table.remove(HOME))
    disk.bans.settled(HOME)
    assert disk.bans.found((HOME,)) == {}  # on its way to the disk

    disk.settle()
    disk.writer.run(table.insert(Ban(HOME, "r", 30.0, 40.0)))
    disk.writer.run(table.remove(HOME))
    assert disk.bans.found((HOME,)) == {HOME: Found(40.0, "guard", lifted=True)}
    disk.writer.close()
    disk.bans.settled(HOME)
    disk.bans.expire(50.0, lambda _subject: None)
    while not disk.calls.empty():
        disk.calls.get_nowait()()
    look_up = LookUp(disk.reader, disk.bans, disk.known)
    assert disk.bans.found((HOME,)) == {}
    assert look_up(ANN, HOME, (HOME,)) == ({}, None)


def test_a_lifted_ban_is_not_told_to_have_ended(disk: Disk) -> None:
    """The operator has told it already; the sweep only takes the row away."""
    disk.bans.add(HOME, reason="r", added=1.0, until=10.0)
    disk.settle()
    disk.writer.run(table.remove(HOME))
    told: list[str] = []
    disk.bans.expire(10.0, told.append)
    disk.settle()

    assert told == []
    assert disk.bans.found((HOME,)) == {}


def test_a_new_ban_after_a_lifted_one_holds(disk: Disk) -> None:
    """The mark is gone with it."""
    for added in (1.0, 2.0):
        disk.bans.add(HOME, reason="r", added=added, until=added + 10, times=int(added))
        disk.settle()
        if added == 1.0:
            disk.writer.run(table.remove(HOME))

    (ban,) = table.listing(disk.reader, 0.0)
    assert (ban.until, ban.times, ban.by) == (12.0, 2, "guard")


def test_the_operators_ban_stands(disk: Disk) -> None:
    """What the guard decides later changes it only when it has ended."""
    disk.writer.run(table.insert(Ban(HOME, "our neighbour", 1.0, 100.0, rule="operator", by="operator")))
    disk.bans.add(HOME, reason="source-failures", added=50.0, until=60.0)
    assert disk.bans.found((HOME,)) == {HOME: Found(100.0, "operator")}
    disk.settle()
    assert table.listing(disk.reader, 0.0)[0].reason == "our neighbour"

    disk.bans.add(HOME, reason="source-failures", added=100.0, until=160.0)
    disk.settle()
    assert disk.bans.found((HOME,)) == {HOME: Found(160.0, "guard")}


def test_only_who_never_logged_in_is_exported(disk: Disk) -> None:
    """No account, no ended or lifted ban, and no source where anybody ever logged in from, however long ago."""
    disk.known.saw(ANN, "ip:192.0.2.8", now=1.0)
    disk.settle()
    disk.known.expire(before=50.0)
    for subject, until in ((HOME, 99.0), ("ip:192.0.2.8", 99.0), ("ip:192.0.2.9", 9.0), (f"account:{ANN}", 99.0)):
        disk.bans.add(subject, reason="r", added=1.0, until=until)
    disk.settle()

    assert [ban.subject for ban in table.exportable(disk.reader, 10.0)] == [HOME]
    disk.writer.run(table.remove(HOME))
    assert table.exportable(disk.reader, 10.0) == ()


def test_how_many_accounts_know_a_source(disk: Disk) -> None:
    """Before the disk knows and after, new, renewed and forgotten ones."""
    for settled in (False, True):
        disk.known.saw(ANN, HOME, now=100.0)
        disk.known.saw("bob@example.test", HOME, now=200.0)
        disk.known.saw("bob@example.test", "ip:192.0.2.8", now=200.0)
        if settled:
            disk.settle()
        assert [disk.known.known_accounts(HOME, since=since) for since in (100.0, 101.0, 201.0)] == [2, 1, 0]
    disk.known.forget("bob@example.test", HOME)
    assert disk.known.known_accounts(HOME, since=0.0) == 1
    disk.settle()
    assert disk.known.known_accounts(HOME, since=0.0) == 1


def test_both_books_in_one_query(disk: Disk, other: Disk) -> None:
    """The same as one after the other: from the disk, and with what is on its way there."""
    look_up = LookUp(disk.reader, disk.bans, disk.known)
    ask = (HOME, f"account:{ANN}")
    assert look_up(ANN, HOME, ask) == ({}, None)
    disk.known.saw(ANN, HOME, now=100.0)
    disk.bans.add(HOME, reason="r", added=1.0, until=10.0)
    for _ in range(2):
        assert look_up(ANN, HOME, ask) == ({HOME: Found(10.0, "guard")}, 100.0)
        assert look_up("", HOME, (HOME,)) == ({HOME: Found(10.0, "guard")}, None)
        assert look_up(ANN, "ip:192.0.2.8", ("ip:192.0.2.8",)) == ({}, None)
        disk.settle()
    disk.known.forget(ANN, HOME)
    assert look_up(ANN, HOME, ask)[1] is None


def test_a_refusal_is_one_query(disk: Disk) -> None:
    """However many bans there are: nothing is read but three rows by their keys, and nothing is written."""
    for number in range(50):
        disk.bans.add(f"ip:192.0.2.{number}", reason="r", added=1.0, until=10.0)
    disk.settle()
    look_up = LookUp(disk.reader, disk.bans, disk.known)
    asked: list[str] = []
    disk.reader.set_trace_callback(asked.append)
    look_up(ANN, HOME, (HOME, f"account:{ANN}"))
    disk.reader.set_trace_callback(None)
    plan = disk.reader.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()

    assert len(asked) == 1
    assert not any("SCAN" in row[3] or "TEMP" in row[3] for row in plan)
    assert sum("SEARCH" in row[3] for row in plan) == 3


def test_an_unreadable_database_is_an_error(disk: Disk) -> None:
    """A guard that cannot read its bans must not let everyone in."""
    disk.reader.execute("PRAGMA query_only = OFF")
    disk.reader.execute("DROP TABLE bans")

    with pytest.raises(StoreError):
        disk.bans.until(HOME)


def test_bans_of_some(disk: Disk) -> None:
    """In force, of these subjects only, with all that the book has of them."""
    own = Ban(HOME, "on leave", 10.0, 100.0, rule="operator", times=2, by="operator")
    for ban in (own, Ban("ip:192.0.2.8", "source-failures", 10.0, 100.0), Ban(f"account:{ANN}", "x", 10.0, 20.0)):
        disk.writer.run(table.insert(ban))

    assert table.of(disk.reader, (HOME, f"account:{ANN}"), 50.0) == (own,)
    disk.writer.run(table.remove(HOME))
    assert table.of(disk.reader, (HOME,), 50.0) == ()
