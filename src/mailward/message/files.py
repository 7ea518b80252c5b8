"""Files that the caller named, read in blocks when they are needed: the one door of this room to the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from threading import Lock
from typing import BinaryIO, Final, TypeAlias
from weakref import finalize

from mailward.errors import InputError, InvalidMessage
from mailward.printable import printable

AnyPath: TypeAlias = str | PathLike[str]
AnyFile: TypeAlias = AnyPath | BinaryIO

BLOCK: Final = 65_536
_SHARED: Final = Lock()  # an open file has one place where it is read, for all who have it

__all__ = ["BLOCK", "AnyFile", "AnyPath", "FileSource", "PathLike", "spool", "text_lines"]


class FileSource:
    """A regular file, or an open binary one from where it stands; it must stay as it is until it was sent.

    `size` in octets. Nothing of it is kept in memory, and a path is open only while it is read.
    """

    def __init__(self, place: AnyFile) -> None:
        self._file: BinaryIO | None = None
        self._path: str | None = None
        self._start = 0
        if isinstance(place, str | PathLike):
            self._path = os.fspath(place)
        else:
            self._file, self._start = place, _position(place)
        with self._opened() as file:
            self._seen = self._state(file)
        self.size = max(0, self._seen[0] - self._start)

    def __repr__(self) -> str:
        return f"FileSource({self.name!r}, {self.size} octets)"

    @property
    def name(self) -> str:
        """The last part of its path, "" without one."""
        path = self._path if self._file is None else getattr(self._file, "name", "")
        return path.rpartition("/")[2] if isinstance(path, str) else ""

    def blocks(self, step: int = BLOCK) -> Iterator[bytes]:
        """All its octets, `step` at a time, as often as asked for. Raises InvalidMessage if the file has changed."""
        left = self.size
        with self._opened() as file:
            self._check(file)
            while left:
                block = self._block(file, self._start + self.size - left, min(step, left))
                left -= len(block)
                if not block or not left:
                    self._check(file)
                if not block:
                    raise self._changed()
                yield block

    def _block(self, file: BinaryIO, start: int, size: int) -> bytes:
        """From where it stands, whoever else reads the same open file meanwhile."""
        if self._path is not None:
            file.seek(start)
            return _full_read(file, size)
        with _SHARED:
            file.seek(start)
            return _full_read(file, size)

    def read(self, limit: int) -> bytes:
        """All of it. Raises InvalidMessage if that is more than `limit` octets."""
        if self.size > limit:
            raise InvalidMessage(f"{self._shown} has more than {limit} octets")
        return b"".join(self.blocks())

    @property
    def _shown(self) -> str:
        return printable(self._path or self.name or "the file", 200)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self._path is None:
            assert self._file is not None  # noqa: S101  # one of the two is there
            yield self._file
            return
        try:
            file = open(self._path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no path has a NUL"
            raise InputError(f"{self._shown}: {reason}", phase="message") from error
        with file:
            yield file

    def _state(self, file: BinaryIO) -> tuple[int, int]:
        """Its size and when it was last changed, 0 where it lies in memory."""
        try:
            found = os.fstat(file.fileno())
        except (OSError, AttributeError):  # no file of the system: BytesIO and its like
            with _SHARED:
                return file.seek(0, os.SEEK_END), 0
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{self._shown} is no regular file", phase="message", advice="give its octets")
        return found.st_size, found.st_mtime_ns

    def _check(self, file: BinaryIO) -> None:
        if self._state(file) != self._seen:
            raise self._changed()

    def _changed(self) -> InvalidMessage:
        return InvalidMessage(
            f"{self._shown} changed after it was put into the message",
            advice="make the message anew, or give the octets instead of the path",
        )


def spool(stream: BinaryIO, *, most: int) -> FileSource:
    """What is left of a stream that cannot be read twice, in a file without a name that goes with the last use of it.

    Raises InvalidMessage when that is more than `most` octets.
    """
    from tempfile import TemporaryFile  # noqa: PLC0415  # loads what only this needs

    file = TemporaryFile(prefix="mailward-")  # noqa: SIM115  # lives as long as its source
    size = 0
    while block := stream.read(BLOCK):
        size += len(block)
        if size > most:
            file.close()
            raise InvalidMessage(f"the stream has more than {most} octets")
        file.write(block)
    file.flush()
    file.seek(0)
    source = FileSource(file)
    finalize(source, file.close)
    return source


@contextmanager
def text_lines(path: AnyPath, *, longest: int) -> Iterator[Iterator[str]]:
    """The lines of a regular file in UTF-8, with their ends; a byte order mark is passed over."""
    FileSource(path)  # a regular file, and there
    with open(path, "rb", opener=_without_waiting) as file:
        yield _decoded(file, longest)


def _decoded(file: BinaryIO, longest: int) -> Iterator[str]:
    """Line by line, so that an error belongs to its line."""
    encoding = "utf-8-sig"
    while line := file.readline(longest + 1):
        if len(line) > longest:
            raise InvalidMessage(f"a line has more than {longest} octets")
        yield line.decode(encoding)
        encoding = "utf-8"


def _position(file: BinaryIO) -> int:
    try:
        return file.tell() if file.seekable() and isinstance(file.read(0), bytes) else _refused()
    except (AttributeError, OSError, ValueError) as error:
        raise _not_a_file() from error


def _refused() -> int:
    raise _not_a_file()


def _not_a_file() -> InputError:
    return InputError("not a path, and not an open, seekable binary file", phase="message", advice='open it with "rb"')


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody writes to would hold us for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _full_read(file: BinaryIO, size: int) -> bytes:
    """`size` octets, fewer only at the end: a raw file may give less than it was asked for."""
    block = file.read(size)
    while block and len(block) < size and (more := file.read(size - len(block))):
        block += more
    return block
