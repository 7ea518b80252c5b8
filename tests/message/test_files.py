"""Files that the caller named."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from mailward.errors import InputError, InvalidMessage
from mailward.message.files import BLOCK, FileSource, spool, text_lines


def test_blocks_of_a_path(tmp_path: Path) -> None:
    """All octets, as often as asked for; the file is open only meanwhile."""
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(2 * BLOCK + 7))
    source = FileSource(str(path))

    assert (source.size, source.name) == (2 * BLOCK + 7, "a.bin")
    for _ in range(2):
        assert b"".join(source.blocks()) == path.read_bytes()
    assert [len(block) for block in source.blocks(100_000)] == [100_000, 31_079]
    assert source.read(1 << 20) == path.read_bytes()
    with pytest.raises(InvalidMessage, match="more than 5 octets"):
        source.read(5)


def test_an_open_file_begins_where_it_stands(tmp_path: Path) -> None:
    """What was read of it before is no part of it; memory is as good as a disk."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        for opened in (file, io.BytesIO(b"0123456789")):
            opened.seek(4)
            source = FileSource(opened)
            assert [b"".join(source.blocks(4)) for _ in range(2)] == [b"456789"] * 2
            assert source.size == 6


def test_an_empty_file(tmp_path: Path) -> None:
    """Has no block."""
    (tmp_path / "empty").touch()

    assert list(FileSource(tmp_path / "empty").blocks()) == []


@pytest.mark.parametrize("change", ["longer", "shorter", "touched", "gone"])
def test_a_file_that_changed_is_told(tmp_path: Path, change: str) -> None:
    """Nothing of another file is sent in place of the one that was named."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 100)
    source = FileSource(path)
    match change:
        case "longer":
            path.write_bytes(b"x" * 101)
        case "shorter":
            path.write_bytes(b"x" * 99)
        case "touched":
            os.utime(path, ns=(1, 1))
        case "gone":
            path.unlink()

    with pytest.raises(InputError, match=r"changed after|No such file"):
        list(source.blocks())


def test_a_change_while_it_is_read_is_told(tmp_path: Path) -> None:
    """Before its last octets are given away."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 100)
    blocks = FileSource(path).blocks(60)
    next(blocks)
    os.utime(path, ns=(1, 1))

    with pytest.raises(InvalidMessage, match="changed after"):
        next(blocks)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Devices and pipes too, at once: nobody may ever write to a pipe."""
    os.mkfifo(tmp_path / "pipe")
    refused: list[object] = [tmp_path, tmp_path / "absent", tmp_path / "pipe", "/dev/zero", "a\0b", io.StringIO("x"), 7]
    for place in refused:
        with pytest.raises(InputError):
            FileSource(place)  # type: ignore[arg-type]


def test_a_pipe_is_spooled() -> None:
    """What cannot be read twice is written to a nameless file once, up to a limit."""
    reading, writing = os.pipe()
    content = os.urandom(200_000)
    writer = threading.Thread(target=lambda: _write_all(writing, content))
    writer.start()
    with os.fdopen(reading, "rb") as stream:
        source = spool(stream, most=200_000)
    writer.join()

    assert [b"".join(source.blocks()) for _ in range(2)] == [content] * 2
    with pytest.raises(InvalidMessage, match="more than 9 octets"):
        spool(io.BytesIO(b"0123456789"), most=9)


def _write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def test_a_raw_file_that_gives_little_at_a_time() -> None:
    """Short reads are no end."""

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(3, size or 0) if size and size > 0 else size)

    source: BinaryIO = Slow(b"0123456789")

    assert list(FileSource(source).blocks(7)) == [b"0123456", b"789"]


def test_lines_of_text(tmp_path: Path) -> None:
    """UTF-8 with or without a byte order mark; a line without end is refused."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n\xc3\xbc,2")

    with text_lines(path, longest=10) as lines:
        assert list(lines) == ["a,b\r\n", "ü,2"]
    with pytest.raises(InvalidMessage, match="more than 2 octets"), text_lines(path, longest=2) as lines:
        list(lines)
    with pytest.raises(InputError, match="No such file"), text_lines(tmp_path / "absent", longest=2) as lines:
        list(lines)


def test_an_open_file_read_by_two() -> None:
    """Each gets all of it in order, however their reading is mixed."""
    octets = b"".join(bytes([number]) * BLOCK for number in range(4))
    source = FileSource(io.BytesIO(octets))
    first, second = source.blocks(), source.blocks()
    read = b"".join(next(first) for _ in range(3))
    begun = next(second)

    assert read + b"".join(first) == octets
    assert begun + b"".join(second) == octets
