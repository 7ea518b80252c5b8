"""mailward.store.database"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import Database, events, messages
from tests.store.sample import new_message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mailward.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database.open(path)
    yield opened
    opened.close()


@pytest.fixture
def lax_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("lax_umask")
def test_only_the_owner_may_read(path: Path) -> None:
    """Whatever the umask, the directory is 0700 and the database and the files beside it are 0600."""
    database = Database.open(path)
    writer = database.connect()
    messages.insert(writer, new_message())

    names = {file.name: mode(file) for file in path.parent.iterdir()}
    writer.close()
    database.close()

    assert mode(path.parent) == 0o700
    assert names == {"mailward.sqlite": 0o600, "mailward.sqlite-wal": 0o600, "mailward.sqlite-shm": 0o600}


def test_a_readable_file_is_closed_to_others(database: Database, path: Path) -> None:
    """A database that others could read is theirs no longer once it was opened."""
    path.chmod(0o644)

    Database.open(path)

    assert mode(path) == 0o600


def test_a_directory_that_is_there_keeps_its_mode(path: Path) -> None:
    """One that its owner made is used as it is."""
    path.parent.mkdir(mode=0o755)

    Database.open(path)

    assert mode(path.parent) == 0o755


def test_nothing_is_made_for_a_reader(path: Path) -> None:
    """Without `create` a missing database is an error and stays missing."""
    with pytest.raises(StoreError, match="there is no database at") as caught:
        Database.open(path, create=False)

    assert "mailward serve" in caught.value.advice
    assert not path.parent.exists()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A symbolic link in place of the database is refused, and its target is not touched."""
    path.parent.mkdir(mode=0o700)
    target = tmp_path / "target"
    target.write_bytes(b"")
    path.symlink_to(target)

    with pytest.raises(StoreError, match="not a regular file"):
        Database.open(path)

    assert target.read_bytes() == b""


@pytest.mark.parametrize("content", [b"not a database, " * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_garbage_is_refused(path: Path, content: bytes) -> None:
    """A file that is no database is named, with what to do, and left as it was."""
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)

    with pytest.raises(StoreError) as caught:
        Database.open(path)

    assert str(path) in str(caught.value)
    assert "restore a backup" in caught.value.advice
    assert path.read_bytes() == content


def test_damage_is_told_when_it_is_met(database: Database, path: Path) -> None:
    """Pages that the disk spoilt give a StoreError that names the file and what to do."""
    writer = database.connect()
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO events (time, type, line) VALUES (?, 'x', ?)", [(1.0, "x" * 500)] * 2000)
    writer.execute("COMMIT")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    database.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))

    reader = Database.open(path).reader()
    with pytest.raises(StoreError, match="damaged") as caught:
        list(events.select(reader))

    assert str(path) in str(caught.value)
    assert "restore a backup" in caught.value.advice
    reader.close()


def test_every_connection_waits_for_the_disk(database: Database) -> None:
    """WAL with synchronous=FULL, on each connection: a COMMIT that returned is on disk."""
    reader = database.reader()

    settings = [reader.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "fullfsync")]

    assert settings == ["wal", 2, 1]


def test_a_reader_cannot_write(database: Database) -> None:
    """What a reader is asked to change is refused."""
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.reader().execute("DELETE FROM messages")


def test_each_thread_has_its_reader(database: Database) -> None:
    """The same thread gets the same connection, another one another; one of a thread that ended is closed."""
    mine = database.reader()
    theirs: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: theirs.append(database.reader()))
    thread.start()
    thread.join()

    assert database.reader() is mine
    assert theirs[0] is not mine
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        theirs[0].execute("SELECT 1")


def test_many_may_start_at_once(path: Path) -> None:
    """Of processes that open a new database together, each finds the whole schema."""
    start = threading.Barrier(8)

    def open_and_count(_number: int) -> int:
        start.wait()
        database = Database.open(path)
        try:
            return len(list(messages.listing(database.reader())))
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(open_and_count, range(8)))

    assert counted == [0] * 8


def test_a_newer_schema_is_refused(database: Database, path: Path) -> None:
    """A database that a later version migrated is not touched by this one."""
    writer = database.connect()
    writer.execute("INSERT INTO migrations VALUES (999, '999_later.sql', 'x')")
    writer.close()

    with pytest.raises(StoreError, match=r"newer Mailward.*999_later\.sql") as caught:
        Database.open(path)

    assert "Upgrade" in caught.value.advice


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the directory should be is a StoreError, not a traceback."""
    (tmp_path / "state").write_text("")

    with pytest.raises(StoreError, match="state"):
        Database.open(tmp_path / "state" / "mailward.sqlite")
