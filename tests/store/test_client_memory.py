"""What is remembered of servers: merged, bounded, private, and safe among processes."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.errors import StoreBusy, StoreError
from mailward.store import client_memory
from mailward.store.client_memory import UNUSED, Channel, ClientMemory, Login

NOW = 1_777_636_800.0
STRONG = Channel(
    host="mail.test",
    port=465,
    tls="TLSv1.3",
    implicit=True,
    requiretls=True,
    verified_by="system CAs",
    pin="sha256/AAAA",
    first=NOW,
    seen=NOW,
)
WEAK = replace(STRONG, tls="TLSv1.2", implicit=False, requiretls=False, pin="sha256/BBBB", first=NOW + 5, seen=NOW + 5)
LOGIN = Login(
    host="mail.test",
    role="submission",
    account="ann",
    kind="password",
    mechanism="SCRAM-SHA-256",
    strength=30,
    first=NOW,
    seen=NOW,
)


@pytest.fixture
def book(tmp_path: Path) -> ClientMemory:
    return ClientMemory(tmp_path / "state" / "memory.db")


def known(book: ClientMemory, *, port: int = 465, now: float = NOW) -> tuple[Channel | None, list[Login]]:
    return book.of("mail.test", port, role="submission", account="ann", now=now)


def test_made_when_it_is_written(book: ClientMemory) -> None:
    """Reading makes nothing; the file and its directory are this user's alone, whatever the umask."""
    assert known(book) == (None, [])
    assert book.every() == ([], [])
    assert book.forget(None) == 0
    assert not book.path.parent.exists()

    before = os.umask(0)
    try:
        book.keep(STRONG, LOGIN)
    finally:
        os.umask(before)

    assert known(book) == (STRONG, [LOGIN])
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(book.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in book.path.parent.iterdir()] == ["memory.db"]


@pytest.mark.parametrize("order", [(STRONG, WEAK), (WEAK, STRONG)], ids=["fell", "rose"])
def test_nothing_becomes_weaker(book: ClientMemory, order: tuple[Channel, Channel]) -> None:
    """The strongest of each stays, in any order; the key and who vouched for it are those last written."""
    for channel in order:
        book.keep(channel)
    merged, _ = known(book)

    assert merged is not None
    assert (merged.tls, merged.implicit, merged.requiretls) == ("TLSv1.3", True, True)
    assert merged.pin == order[-1].pin
    assert (merged.first, merged.seen) == (order[0].first, NOW + 5)


def test_the_strongest_mechanism_stays(book: ClientMemory) -> None:
    """For each kind of credential by itself: a token's does not replace a password's."""
    plain = replace(LOGIN, mechanism="PLAIN", strength=10, seen=NOW + 9)
    token = replace(LOGIN, kind="token", mechanism="OAUTHBEARER", strength=25)
    for login in (LOGIN, plain, token, replace(LOGIN, account="bob")):
        book.keep(STRONG, login)

    assert known(book)[1] == [replace(LOGIN, seen=NOW + 9), token]


def test_ports_and_hosts_are_apart(book: ClientMemory) -> None:
    """What one port does says nothing of another."""
    book.keep(STRONG)
    book.keep(replace(WEAK, port=587))

    assert known(book, port=587)[0] == replace(WEAK, port=587)
    assert known(book, port=25)[0] is None
    assert book.forget("other.test") == 0
    assert book.forget("mail.test") == 2
    assert known(book) == (None, [])


def test_what_was_of_no_use_for_long_goes(book: ClientMemory) -> None:
    """It is no longer heeded, and the next write takes it away."""
    book.keep(STRONG, LOGIN)
    later = NOW + UNUSED + 1

    assert known(book, now=later) == (None, [])
    book.keep(replace(STRONG, host="other.test", first=later, seen=later))
    assert [channel.host for channel in book.every()[0]] == ["other.test"]
    assert book.every()[1] == []


def test_bounded(book: ClientMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of longest ago make room for new ones."""
    monkeypatch.setattr(client_memory, "MOST", 3)
    for number in range(5):
        book.keep(replace(STRONG, host=f"{number}.test", seen=NOW + number), replace(LOGIN, host=f"{number}.test"))

    assert [channel.host for channel in book.every()[0]] == ["2.test", "3.test", "4.test"]
    assert len(book.every()[1]) == 3


def test_a_mode_that_others_may_read_is_mended(book: ClientMemory) -> None:
    """Who has logged in where is nobody else's business."""
    book.keep(STRONG)
    book.path.chmod(0o644)
    known(book)

    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600


def test_what_is_not_ours_is_left_alone(book: ClientMemory, tmp_path: Path) -> None:
    """Another program's database, no database, a newer one, a link, a directory: named, and not written to."""
    book.path.parent.mkdir()
    with sqlite3.connect(book.path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = book.path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        known(book)
    with pytest.raises(StoreError, match="another program"):
        book.keep(STRONG)
    assert book.path.read_bytes() == before

    book.path.write_bytes(b"junk" * 1000)
    with pytest.raises(StoreError, match="is not a database"):
        known(book)
    book.path.unlink()
    book.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a regular file"):
        book.keep(STRONG)
    assert not (tmp_path / "elsewhere").exists()


def test_a_newer_one(book: ClientMemory) -> None:
    """A file of a later version is not guessed at."""
    book.keep(STRONG)
    with sqlite3.connect(book.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match="newer Mailward"):
        known(book)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """It is a StoreError that names the file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"memory\.db"):
        ClientMemory(tmp_path / "file" / "memory.db").keep(STRONG)


def test_held_by_another(book: ClientMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits too long hears so, and reads all the same."""
    monkeypatch.setattr(client_memory, "_BUSY_TIMEOUT", 0.05)
    book.keep(STRONG)
    other = sqlite3.connect(book.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            book.keep(WEAK)
        assert known(book)[0] == STRONG
    finally:
        other.close()


def _keep_many(path: str, first: int) -> None:
    for number in range(first, first + 10):
        version = "TLSv1.3" if number == first + 4 else "TLSv1.2"
        ClientMemory(Path(path)).keep(replace(WEAK, port=number % 2, tls=version), replace(LOGIN, account=f"{number}"))


def test_many_processes_at_once(book: ClientMemory) -> None:
    """They make the file together, and nothing that one of them wrote is lost."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_keep_many, args=(str(book.path), first)) for first in (0, 100, 201, 301)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    channels, logins = book.every()

    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert [channel.tls for channel in channels] == ["TLSv1.3", "TLSv1.3"]
    assert len(logins) == 40
