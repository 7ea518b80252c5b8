"""Events as JSON Lines for other programs to read: append only, one write(2) for each group, rotated by size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mailward.errors import StoreError
from mailward.store.fault import store_error

SIZE_LIMIT = 16 * 1024 * 1024  # octets
OLD_FILES = 5
_CLOSED = -1


class EventFile:
    """The file at `path`; the full ones beside it are `path.1` (newest) to `path.5`.

    Another process may append or rotate too: the file of that name is looked up again for each group.
    """

    def __init__(self, path: Path, *, size_limit: int = SIZE_LIMIT, old_files: int = OLD_FILES) -> None:
        self.path = path
        self._size_limit = size_limit
        self._old_files = old_files
        self._file = _CLOSED
        self._torn = False
        self._open_if_moved()

    def write(self, lines: Iterable[bytes]) -> None:
        """Append the lines (without their newlines). Raises StoreError; what could not be written is the caller's."""
        data = b"".join([line + b"\n" for line in lines])
        if not data:
            return
        try:
            size = self._open_if_moved()
            if size and size + len(data) > self._size_limit:
                self._rotate()
                self._open_if_moved()
            self._append(b"\n" + data if self._torn else data)
        except OSError as error:
            raise store_error(error, self.path) from error

    def close(self) -> None:
        """Let go of the file; a later `write` opens it again."""
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._torn = True  # until all of it is there: the next group then begins on a line of its own
            rest = rest[os.write(self._file, rest) :]
        self._torn = False

    def _open_if_moved(self) -> int:
        """The size of the file that has the name now."""
        try:
            if self._file != _CLOSED:
                ours, named = os.fstat(self._file), self.path.lstat()
                if (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino):
                    return ours.st_size
        except FileNotFoundError:
            pass
        self.close()
        return self._open()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._file = os.open(self.path, flags, 0o600)
            status = os.fstat(self._file)
            if not stat.S_ISREG(status.st_mode):
                self.close()
                raise StoreError(f"{self.path} is not a regular file", phase="store")
            self._torn = status.st_size > 0 and os.pread(self._file, 1, status.st_size - 1) != b"\n"
        except OSError as error:
            raise store_error(error, self.path) from error
        return status.st_size

    def _rotate(self) -> None:
        for number in range(self._old_files, 0, -1):
            older = self.path if number == 1 else self._old(number - 1)
            if os.path.lexists(older):
                older.rename(self._old(number))
        if not self._old_files:
            self.path.unlink()

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
