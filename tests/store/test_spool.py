"""mailward.store.spool"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from mailward.errors import StoreError, StoreFull
from mailward.store import Spool
from mailward.store.message_id import new_id
from tests.store.sample import spooled

ID = new_id(1, b"0123456789")
OTHER = new_id(2, b"0123456789")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_content_comes_back(spool: Spool) -> None:
    """What was written in pieces is read in pieces, octet for octet."""
    pieces = [b"a" * 100_000, b"", b"b" * 300_000, b"\0\r\n"]

    size = spooled(spool, ID, *pieces)

    assert size == 400_003
    assert b"".join(spool.read(ID, size)) == b"".join(pieces)
    assert len(list(spool.read(ID, size))) > 1


def test_only_the_owner_may_read(spool: Spool) -> None:
    """Directory 0700, file 0600."""
    spooled(spool, ID, b"x")

    assert stat.S_IMODE(spool.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((spool.directory / ID).stat().st_mode) == 0o600


def test_on_disk_before_it_has_its_name(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that survives a power cut: sync the content, give it its name, sync the directory."""
    steps: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(file: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{file}').readlink().name}")
        real_sync(file)

    def rename(path: Path, target: Path) -> Path:
        steps.append(f"rename {path.name} {target.name}")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)

    spooled(spool, ID, b"x")

    assert steps == [f"sync {ID}.part", f"rename {ID}.part {ID}", "sync spool"]


def test_without_commit_nothing_is_left(spool: Spool) -> None:
    """A client that goes away in the middle leaves no file."""
    with spool.create(ID) as file:
        file.write(b"half")
        assert not (spool.directory / ID).exists()

    assert list(spool.directory.iterdir()) == []


def test_discarding(spool: Spool) -> None:
    """Once or twice, nothing is left and nothing can be committed any more; what was committed stays."""
    given_up, committed = spool.create(ID), spool.create(OTHER)
    committed.commit()
    for file in (given_up, given_up, committed):
        file.discard()

    assert [path.name for path in spool.directory.iterdir()] == [OTHER]
    with pytest.raises((StoreError, ValueError), match="file descriptor"):
        given_up.write(b"x")
    with pytest.raises((StoreError, ValueError), match="file descriptor"):
        given_up.commit()


@pytest.mark.parametrize("fails", [1, 2], ids=["content", "directory"])
def test_a_failed_sync_leaves_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    """When either sync fails it is a StoreError, and no file of that name stays; the next one works."""
    calls = iter(range(1, 99))
    real = os.fsync

    def sync(file: int) -> None:
        if next(calls) == fails:
            raise OSError(errno.EIO, "Input/output error")
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        with pytest.raises(StoreError, match="Input/output error"):
            spooled(spool, ID, b"x")

    assert list(spool.directory.iterdir()) == []
    assert spooled(spool, ID, b"x") == 1


def test_a_full_disk(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space is StoreFull, whatever was already written is gone."""

    def write(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)

    with pytest.raises(StoreFull):
        spooled(spool, ID, b"x")

    assert list(spool.directory.iterdir()) == []


def test_short_writes_are_completed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes three octets at a time gets them all."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:3]))

    spooled(spool, ID, b"abcdefgh")

    assert (spool.directory / ID).read_bytes() == b"abcdefgh"


@pytest.mark.parametrize("size", [3, 5])
def test_another_size_is_not_sent_on(spool: Spool, size: int) -> None:
    """A file that is shorter or longer than its row says is refused before its first octet."""
    spooled(spool, ID, b"four")

    with pytest.raises(StoreError, match=f"4 octets instead of {size}"):
        next(spool.read(ID, size))


def test_a_missing_file(spool: Spool) -> None:
    """Named in the error when it is read, no fault when it is removed."""
    with pytest.raises(StoreError, match=ID):
        next(spool.read(ID, 1))
    spool.remove(ID)


def test_sweeping(spool: Spool) -> None:
    """What a crash left goes: parts and files without a message. What has one stays, and so does what is not ours."""
    spooled(spool, ID, b"keep")
    spooled(spool, OTHER, b"orphan")
    (spool.directory / f"{ID}.part").write_bytes(b"half")
    (spool.directory / "README").write_bytes(b"the operator's")

    assert spool.sweep({ID}) == sorted([OTHER, f"{ID}.part"])
    assert sorted(path.name for path in spool.directory.iterdir()) == [ID, "README"]


@pytest.mark.parametrize("name", ["", ".", "../mailward.sqlite", "x/y", ID + "\0", ID.lower()])
def test_a_name_stays_in_the_directory(spool: Spool, name: str) -> None:
    """Nothing but a message's id names a file."""
    with pytest.raises(StoreError, match="named by a message id only"):
        spool.create(name)
    with pytest.raises(StoreError, match="named by a message id only"):
        next(spool.read(name, 1))
    with pytest.raises(StoreError, match="named by a message id only"):
        spool.remove(name)


def test_a_name_is_used_once(spool: Spool) -> None:
    """Two that write under one id: the second is refused."""
    with spool.create(ID), pytest.raises(StoreError, match=r"\.part"), spool.create(ID):
        pass


def test_free_space(spool: Spool) -> None:
    """Octets that are left, as the system counts them."""
    assert spool.free() > 0
