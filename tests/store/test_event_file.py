"""mailward.store.event_file"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from mailward.errors import StoreError, StoreFull
from mailward.store import EventFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_lines_are_appended(path: Path) -> None:
    """What was there stays; each line ends with a newline; the file is the owner's alone."""
    file = EventFile(path)
    file.write([b"1", b"2"])
    file.close()
    EventFile(path).write([b"3"])

    assert path.read_bytes() == b"1\n2\n3\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_group_is_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many lines, the system is called once; for none, not at all."""
    file = EventFile(path)
    calls: list[bytes] = []
    real = os.write

    def write(descriptor: int, data: memoryview) -> int:
        calls.append(bytes(data))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)

    file.write([b"1", b"2", b"3"])
    file.write([])

    assert calls == [b"1\n2\n3\n"]


def test_short_writes_are_completed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes one octet at a time gets them all."""
    file = EventFile(path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:1]))

    file.write([b"abc", b"def"])

    assert path.read_bytes() == b"abc\ndef\n"


def test_after_a_fault_a_line_of_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line cut short by a full disk spoils no later one, and the fault is told."""
    file = EventFile(path)
    real = os.write
    with monkeypatch.context() as patch:
        free = [2]

        def write(descriptor: int, data: memoryview) -> int:
            if not free:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data[: free.pop()])

        patch.setattr(os, "write", write)
        with pytest.raises(StoreFull, match=r"events\.jsonl"):
            file.write([b"first"])

    file.write([b"second"])

    assert path.read_bytes() == b"fi\nsecond\n"


def test_after_a_crash_a_line_of_its_own(path: Path) -> None:
    """A line that a killed process left unfinished spoils no later one."""
    path.write_bytes(b"whole\nhal")

    EventFile(path).write([b"next"])

    assert path.read_bytes() == b"whole\nhal\nnext\n"


def test_rotated_by_someone_else(path: Path) -> None:
    """After logrotate moved or removed the file, the next group is in a new one."""
    file = EventFile(path)
    file.write([b"1"])
    path.rename(path.with_name("moved"))
    file.write([b"2"])
    path.unlink()
    file.write([b"3"])

    assert path.with_name("moved").read_bytes() == b"1\n"
    assert path.read_bytes() == b"3\n"


def test_rotated_by_size(path: Path) -> None:
    """No file grows past the limit, and there are never more old ones than allowed."""
    file = EventFile(path, size_limit=20, old_files=2)
    for number in range(10):
        file.write([b"line %d...." % number])

    left = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert left == {
        "events.jsonl": b"line 9....\n",
        "events.jsonl.1": b"line 8....\n",
        "events.jsonl.2": b"line 7....\n",
    }


def test_no_old_files(path: Path) -> None:
    """With none to keep, a full file is begun anew."""
    file = EventFile(path, size_limit=5, old_files=0)
    file.write([b"first"])
    file.write([b"second"])

    assert [entry.name for entry in path.parent.iterdir()] == ["events.jsonl"]
    assert path.read_bytes() == b"second\n"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A symbolic link that someone put there is refused; its target stays empty."""
    target = tmp_path / "target"
    target.touch()
    path.symlink_to(target)

    with pytest.raises(StoreError, match=r"events\.jsonl"):
        EventFile(path)

    assert target.read_bytes() == b""


def test_a_pipe_is_refused(path: Path) -> None:
    """Something that is no file can neither block nor swallow events."""
    os.mkfifo(path)

    with pytest.raises(StoreError, match="not a regular file"):
        EventFile(path)


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    """Told at the start, by name."""
    with pytest.raises(StoreError, match="missing"):
        EventFile(tmp_path / "missing" / "events.jsonl")
