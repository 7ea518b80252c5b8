"""mailward.store.writer"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from mailward.errors import InputError, StoreBusy, StoreError, StoreFull
from mailward.store import Database, Writer, messages
from mailward.store import database as database_module
from tests.store.sample import new_message
from tests.support.peers import peer

ROOT = Path(__file__).parents[2]
COMMITTER = [sys.executable, "-m", "tests.store.committer"]
KILLS = 20

Outcome = tuple[str, object, StoreError | None]


class Owner:
    """Stands for the loop of a server: runs what is delivered when `turn` is called, and keeps what it heard."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.heard: list[Outcome] = []
        self._came = threading.Semaphore(0)

    def deliver(self, call: Callable[[], None]) -> None:
        self.calls.append(call)
        self._came.release()

    def done(self, name: str, value: object, error: StoreError | None) -> None:
        self.heard.append((name, value, error))

    def turn(self, calls: int = 1) -> None:
        for _ in range(calls):
            assert self._came.acquire(timeout=10)
            self.calls.pop(0)()


class Gate:
    """An operation that keeps the writer busy, so that what is submitted meanwhile is one group."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _connection: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.open.wait(10)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "mailward.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def writer(database: Database, owner: Owner) -> Iterator[Writer]:
    started = Writer(database, deliver=owner.deliver)
    yield started
    started.close()


def put(name: str, connection: sqlite3.Connection) -> str:
    connection.execute("INSERT INTO events (time, type, line) VALUES (0, ?, '')", (name,))
    return name


def stored(database: Database) -> list[str]:
    return [name for (name,) in database.reader().execute("SELECT type FROM events ORDER BY id")]


def submit_as_group(
    writer: Writer, owner: Owner, operations: dict[str, Callable[[sqlite3.Connection], object]]
) -> None:
    gate = Gate()
    writer.submit(gate, partial(owner.done, "gate"))
    assert gate.entered.wait(10)
    for name, operation in operations.items():
        writer.submit(operation, partial(owner.done, name))
    gate.open.set()
    owner.turn()
    owner.heard.clear()


def test_a_group_is_one_transaction_and_one_call(writer: Writer, owner: Owner, database: Database) -> None:
    """All that was submitted while the writer was busy is committed together and told in one call, in order."""
    names = [f"e{number}" for number in range(50)]

    submit_as_group(writer, owner, {name: partial(put, name) for name in names})
    owner.turn()

    assert owner.heard == [(name, name, None) for name in names]
    assert stored(database) == names
    assert owner.calls == []


def test_told_only_when_it_is_on_disk(writer: Writer, owner: Owner, database: Database) -> None:
    """When `done` is delivered, another connection already sees the row; before the commit nobody does."""
    gate = Gate()

    def slow(connection: sqlite3.Connection) -> None:
        put("x", connection)
        gate(connection)

    writer.submit(slow, partial(owner.done, "x"))
    assert gate.entered.wait(10)
    before = stored(database), list(owner.calls)
    gate.open.set()
    assert owner._came.acquire(timeout=10)

    assert before == ([], [])
    assert stored(database) == ["x"]


@pytest.mark.parametrize("fault", [InputError("refused"), sqlite3.IntegrityError("twice"), OSError(5, "x")], ids=repr)
def test_one_fault_does_not_spoil_the_group(writer: Writer, owner: Owner, database: Database, fault: Exception) -> None:
    """An operation that raises is undone and told; the others of its group are stored, each once."""

    def broken(connection: sqlite3.Connection) -> None:
        put("half", connection)
        raise fault

    submit_as_group(writer, owner, {"a": partial(put, "a"), "b": broken, "c": partial(put, "c")})
    owner.turn(3)

    assert [(name, value) for name, value, error in owner.heard if error is None] == [("a", "a"), ("c", "c")]
    ((name, value, error),) = [outcome for outcome in owner.heard if outcome[2]]
    assert (name, value) == ("b", None)
    assert isinstance(error, StoreError)
    assert error.__cause__ is fault
    assert stored(database) == ["a", "c"]


def test_a_bug_is_loud_and_stops_nothing(
    writer: Writer, owner: Owner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation with an error of its own ends its thread with a traceback; the others are written all the same."""
    reports: SimpleQueue[threading.ExceptHookArgs] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", reports.put)

    def broken(_connection: sqlite3.Connection) -> None:
        raise ZeroDivisionError("a bug")

    submit_as_group(writer, owner, {"a": partial(put, "a"), "b": broken, "c": partial(put, "c")})
    owner.turn(3)

    assert [name for name, _, error in owner.heard if error is None] == ["a", "c"]
    assert [name for name, _, error in owner.heard if error is not None] == ["b"]
    assert writer.run(partial(put, "d")) == "d"
    assert stored(database) == ["a", "c", "d"]
    assert [reports.get(timeout=10).exc_type for _ in ("in its group", "alone")] == [ZeroDivisionError] * 2


def test_one_deaf_caller(writer: Writer, owner: Owner) -> None:
    """A `done` that raises does so in its owner's loop, and the rest of the group is told nevertheless, once."""
    gate = Gate()
    writer.submit(gate, partial(owner.done, "gate"))
    assert gate.entered.wait(10)
    writer.submit(partial(put, "a"), partial(owner.done, "a"))
    writer.submit(partial(put, "b"), lambda _value, _error: [].pop())
    writer.submit(partial(put, "c"), partial(owner.done, "c"))
    gate.open.set()
    owner.turn()
    with pytest.raises(IndexError):
        owner.turn()
    owner.turn()

    assert [name for name, _, _ in owner.heard] == ["gate", "a", "c"]


def test_run(writer: Writer, owner: Owner, database: Database) -> None:
    """Waits, returns the value, raises what the operation raised; the owner's loop is not needed."""

    def refuse(_connection: sqlite3.Connection) -> None:
        raise InputError("refused")

    assert writer.run(partial(put, "a")) == "a"
    with pytest.raises(InputError, match="refused"):
        writer.run(refuse)
    with pytest.raises(StoreError, match=r"mailward\.sqlite.*no such table"):
        writer.run(lambda connection: connection.execute("INSERT INTO missing VALUES (1)"))
    assert stored(database) == ["a"]
    assert owner.calls == []


def test_close_finishes(database: Database, owner: Owner) -> None:
    """What was submitted before is written and told; what comes after is refused, and told too."""
    writer = Writer(database, deliver=owner.deliver)
    gate = Gate()
    writer.submit(gate, partial(owner.done, "gate"))
    names = [f"e{number}" for number in range(20)]
    for name in names:
        writer.submit(partial(put, name), partial(owner.done, name))
    threading.Timer(0.05, gate.open.set).start()
    writer.close()
    writer.submit(partial(put, "late"), partial(owner.done, "late"))
    with pytest.raises(StoreError, match="is closed"):
        writer.run(partial(put, "late"))
    while owner.calls:
        owner.turn()
    writer.close()

    assert [name for name, _, error in owner.heard if error is None] == ["gate", *names]
    assert [(name, str(error)) for name, _, error in owner.heard if error] == [("late", f"{database.path} is closed")]
    assert stored(database) == names


def test_no_more_than_so_many_wait(database: Database, owner: Owner) -> None:
    """Past the limit an operation is refused at once with StoreBusy, and those that wait are not."""
    writer = Writer(database, deliver=owner.deliver, limit=2)
    gate = Gate()
    writer.submit(gate, partial(owner.done, "gate"))
    assert gate.entered.wait(10)
    for name in ("a", "b", "c"):
        writer.submit(partial(put, name), partial(owner.done, name))
    owner.turn()
    refused = owner.heard.pop()
    gate.open.set()
    owner.turn(2)
    writer.close()

    assert refused[0] == "c"
    assert isinstance(refused[2], StoreBusy)
    assert refused[2].retryable
    assert [(name, error) for name, _, error in owner.heard] == [("gate", None), ("a", None), ("b", None)]


def test_an_operation_may_not_end_the_transaction(writer: Writer, owner: Owner, database: Database) -> None:
    """One that commits by itself is told off; nothing of its group is stored twice."""

    def committing(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")

    submit_as_group(writer, owner, {"a": partial(put, "a"), "b": committing, "c": partial(put, "c")})
    owner.turn(3)

    assert [(name, str(error or "")) for name, _, error in owner.heard] == [
        ("a", ""),
        ("b", "an operation ended the transaction it was given"),
        ("c", ""),
    ]
    assert stored(database) == ["a", "c"]


def test_another_process_writes(
    database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    """While another holds the write lock too long the group is told StoreBusy; afterwards all is well."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT", 0.05)
    impatient = Writer(database, deliver=owner.deliver)
    with pytest.raises(StoreBusy, match="held by another process"):
        writer.run(lambda _connection: impatient.run(partial(put, "x")))

    assert impatient.run(partial(put, "y")) == "y"
    impatient.close()
    assert stored(database) == ["y"]


def test_full_and_well_again(writer: Writer, owner: Owner, database: Database) -> None:
    """SQLITE_FULL is StoreFull for those that do not fit, and no restart is needed once there is room."""

    def limit_pages(pages: int, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def insert(size: int, connection: sqlite3.Connection) -> None:
        messages.insert(connection, new_message(content=b"x" * size, size=size))

    (pages,) = database.reader().execute("PRAGMA page_count").fetchone()
    writer.run(partial(limit_pages, pages + 4))

    submit_as_group(
        writer, owner, {"a": partial(insert, 100), "big": partial(insert, 60_000), "b": partial(insert, 100)}
    )
    owner.turn(3)
    first = {name: type(error) for name, _, error in owner.heard}
    writer.run(partial(limit_pages, 1_000_000))
    writer.run(partial(insert, 60_000))

    assert first == {"a": type(None), "big": StoreFull, "b": type(None)}
    assert len(list(messages.listing(database.reader(), states=["queued"]))) == 3


def test_checked_after_a_fault(writer: Writer, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an I/O error nothing is written before the WAL was written out anew and every page looked at."""
    asked: list[str] = []
    connect = database.connect

    def traced() -> sqlite3.Connection:
        connection = connect()
        connection.set_trace_callback(asked.append)
        return connection

    def fail(_connection: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise error

    monkeypatch.setattr(database, "connect", traced)
    writer.run(partial(put, "a"))
    with pytest.raises(StoreError, match="disk I/O error"):
        writer.run(fail)
    writer.run(partial(put, "b"))

    assert asked[:3] == ["PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA quick_check(1)", "BEGIN IMMEDIATE"]
    assert stored(database) == ["a", "b"]


def test_damage_stops_the_writing(writer: Writer, owner: Owner, database: Database) -> None:
    """A database that the disk spoilt is not written to, however often one tries: the error says so, and what to do."""
    other = database.connect()
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    schema = database.path.stat().st_size  # what comes after it are rows
    writer.run(lambda connection: [put(f"e{number}" * 50, connection) for number in range(200)])
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with database.path.open("r+b") as file:
        file.seek(schema)
        file.write(b"\xff" * (database.path.stat().st_size - schema))
    spoilt = Writer(database, deliver=owner.deliver)

    for _ in range(2):
        with pytest.raises(StoreError, match=r"mailward\.sqlite is damaged") as caught:
            spoilt.run(partial(put, "x"))
        assert "restore a backup" in caught.value.advice
    spoilt.close()


def test_readers_of_another_process_see_rows(writer: Writer, database: Database) -> None:
    """While the writer runs, another process lists what is committed, and neither waits for the other."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            writer.run(partial(put, "x"))

    thread = threading.Thread(target=write)
    thread.start()
    script = (
        "import sys; from pathlib import Path; from mailward.store import Database, events\n"
        "reader = Database.open(Path(sys.argv[1]), create=False).reader()\n"
        "print(*(sum(1 for _ in events.select(reader)) for _ in range(20)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(database.path)], check=True, capture_output=True, text=True, timeout=30
    )
    stop.set()
    thread.join()

    seen = [int(number) for number in done.stdout.split()]
    assert len(seen) == 20
    assert seen == sorted(seen)
    assert seen[-1] > 0


def run_committer(*command: str | Path) -> list[str]:
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, cwd=ROOT, timeout=60)
    return done.stdout.splitlines()


def acknowledged(lines: list[str]) -> list[str]:
    return [line.removeprefix("ok ") for line in lines if line.startswith("ok ")]


def assert_holds(path: Path, ids: list[str]) -> None:
    """Exactly these messages, and not a page out of order."""
    database = Database.open(path, create=False)
    reader = database.reader()
    found = {message.id for message in messages.listing(reader)}
    verdict = reader.execute("PRAGMA integrity_check").fetchall()
    database.close()
    assert found == set(ids)
    assert verdict == [("ok",)]


@pytest.mark.parametrize(
    "fault", ["fdatasync:error=EIO:when=12", "fdatasync:error=EIO:when=12..14", "pwrite64:error=EIO:when=150..152"]
)
@pytest.mark.peer("strace")
def test_a_disk_that_fails(tmp_path: Path, fault: str) -> None:
    """A failed sync or write is a StoreError. What failed is not there, what was acknowledged is, the next works."""
    strace = peer("strace")
    path = tmp_path / "mailward.sqlite"

    lines = run_committer(
        strace, "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}", *COMMITTER, path, "one-by-one", "20"
    )

    failed = [line for line in lines if not line.startswith("ok ")]
    assert 1 <= len(failed) <= 3
    assert all(line.startswith(f"StoreError {path} cannot be read or written") for line in failed)
    assert lines[-1].startswith("ok ")
    assert_holds(path, acknowledged(lines))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small tmpfs of its own")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """On a file system of 1 MiB: StoreFull when it is full, and when space is freed the same process goes on."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespace to be had here")
    path = tmp_path / "small" / "mailward.sqlite"
    path.parent.mkdir()
    script = (
        'at=$1; shift; mount -t tmpfs -o size=1m,mode=700 tmpfs "$at" && "$@" && cp "$at/mailward.sqlite" "$at.copy"'
    )

    lines = run_committer(unshare, "-m", "sh", "-c", script, "sh", path.parent, *COMMITTER, path, "until-full")

    *before, full, after = lines
    assert len(before) > 10
    assert all(line.startswith("ok ") for line in before)
    assert full.startswith(f"StoreFull no space left for {path}")
    assert after.startswith("ok ")
    assert_holds(tmp_path / "small.copy", acknowledged(lines))


@pytest.mark.slow
def test_killed(tmp_path: Path) -> None:
    """kill -9 at any moment loses nothing that was acknowledged, and leaves a database that opens at once."""
    path = tmp_path / "mailward.sqlite"
    told: list[str] = []

    for kill in range(KILLS):
        process = subprocess.Popen([*COMMITTER, str(path), "groups"], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(0.003 * kill)
        process.send_signal(signal.SIGKILL)
        told += (first + process.stdout.read()).decode().split()
        process.stdout.close()
        process.wait()

    database = Database.open(path, create=False)
    found = {message.id for message in messages.listing(database.reader())}
    verdict = database.reader().execute("PRAGMA integrity_check").fetchall()
    database.close()
    assert len(told) > 10 * KILLS
    assert set(told) - found == set()
    assert verdict == [("ok",)]
