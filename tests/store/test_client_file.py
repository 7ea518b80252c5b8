"""The small file of clients: private, shared, and refused where it is another's."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from mailward.errors import StoreError, StoreFull
from mailward.store.client_file import ClientFile

SCHEMA = ("CREATE TABLE things (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",)


def opened(path: Path | None, *, mark: int = 0x1234, version: int = 1) -> ClientFile:
    return ClientFile(path, mark=mark, version=version, schema=SCHEMA)


def add(file: ClientFile) -> None:
    file.write(
        lambda connection: connection.execute(
            "INSERT INTO things VALUES ('a', 1) ON CONFLICT DO UPDATE SET number = number + 1"
        )
    )


def number(file: ClientFile) -> int | None:
    return file.read(lambda connection: connection.execute("SELECT sum(number) FROM things").fetchone()[0])


@pytest.mark.parametrize("kept", ["file", "memory"])
def test_what_is_written_is_read(tmp_path: Path, kept: str) -> None:
    """In a file, made with its directory, and in memory."""
    file = opened(tmp_path / "new" / "routes.db" if kept == "file" else None)
    assert not number(file)
    add(file)
    add(file)

    assert number(file) == 2


def test_private(tmp_path: Path) -> None:
    """Nobody else reads it, even if it was made too open."""
    path = tmp_path / "routes.db"
    add(opened(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert number(opened(path)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", ["file", "memory"])
def test_many_threads(tmp_path: Path, kept: str) -> None:
    """No write is lost."""
    file = opened(tmp_path / "routes.db" if kept == "file" else None)

    def work() -> None:
        for _ in range(10):
            add(file)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert number(file) == 40


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """It is one transaction."""
    for file in (opened(tmp_path / "routes.db"), opened(None)):
        add(file)

        def fail(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM things")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            file.write(fail)
        assert number(file) == 1


def test_a_full_disk(tmp_path: Path) -> None:
    """SQLite ends the transaction by itself: StoreFull all the same, nothing half done, and the next write works."""
    file = opened(tmp_path / "routes.db")
    add(file)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA max_page_count = 30")
        for name in range(1000):
            connection.execute("INSERT INTO things VALUES (?, 1)", (str(name) * 1000,))

    with pytest.raises(StoreFull):
        file.write(fill)
    assert number(file) == 1
    add(file)
    assert number(file) == 2


@pytest.mark.parametrize("case", ["mark", "version", "text", "directory", "link"])
def test_files_that_are_not_ours(tmp_path: Path, case: str) -> None:
    """Another program's, a newer version's, no database, no regular file: told, and left as it is."""
    path = tmp_path / "routes.db"
    if case == "mark":
        add(opened(path, mark=7))
    elif case == "version":
        add(opened(path, version=2))
    elif case == "text":
        path.write_text("not a database, but longer than a header of one would be: " * 20)
        path.chmod(0o600)
    elif case == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "other.db")
    for use in (number, add):
        with pytest.raises(StoreError) as caught:
            use(opened(path))
        assert caught.value.advice
    assert not (tmp_path / "other.db").exists()
