"""Content too large for the database: one file each, safe on disk before its row is (fsync, rename, fsync)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mailward.errors import StoreError
from mailward.store.directory import make_directory, sync_directory
from mailward.store.fault import store_error
from mailward.store.message_id import is_id

INLINE_LIMIT = 65_536  # octets; larger content is spooled
_PIECE = 262_144
_PART = ".part"
_CLOSED = -1


class SpoolFile:
    """One file being written. It exists for readers only after `commit`; after `discard` nothing is left of it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._goal = directory / name
        self._path = directory / (name + _PART)
        self.size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise store_error(error, self._path) from error

    def __enter__(self) -> Self:
        return self

    def write(self, piece: bytes) -> None:
        """Append all of `piece`, however little the system takes at a time."""
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise store_error(error, self._path) from error
        self.size += len(piece)

    def commit(self) -> None:
        """On return the content and its name are on disk. After a fault nothing is left."""
        try:
            os.fsync(self._file)
            self._path = self._path.rename(self._goal)
            sync_directory(self._goal.parent)
        except OSError as error:
            self.discard()
            raise store_error(error, self._goal) from error
        self._close()

    def discard(self) -> None:
        """Close and remove it, unless it was committed or discarded before."""
        if self._file != _CLOSED:
            self._close()
            with suppress(OSError):  # the next start sweeps it away
                self._path.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _close(self) -> None:
        file, self._file = self._file, _CLOSED
        os.close(file)


class Spool:
    """`directory`: made with mode 0700 if missing. Names are message ids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            make_directory(directory)
        except OSError as error:
            raise store_error(error, directory) from error

    def create(self, name: str) -> SpoolFile:
        """`with spool.create(id) as file: file.write(…); file.commit()`; leaving it uncommitted discards it."""
        return SpoolFile(self.directory, _checked(name))

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """The content in pieces. Raises StoreError before the first one if the file has not exactly `size` octets."""
        path = self.directory / _checked(name)
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                found = os.fstat(file).st_size
                if found != size:
                    raise StoreError(
                        f"{path} has {found} octets instead of {size}",
                        phase="store",
                        advice="It was altered or the disk lost it; it is not sent on. Restore it from a backup.",
                    )
                while piece := os.read(file, _PIECE):
                    yield piece
            finally:
                os.close(file)
        except OSError as error:
            raise store_error(error, path) from error

    def remove(self, name: str) -> None:
        """Only after the commit that took the row away. A file already gone is no fault."""
        path = self.directory / _checked(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise store_error(error, path) from error

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove what a crash left behind: parts, and files no message names. Only while nobody writes here."""
        try:
            left = sorted(
                path.name for path in self.directory.iterdir() if _is_ours(path.name) and path.name not in keep
            )
            for name in left:
                (self.directory / name).unlink()
        except OSError as error:
            raise store_error(error, self.directory) from error
        return left

    def free(self) -> int:
        """Octets that may still be written to this file system."""
        try:
            figures = os.statvfs(self.directory)
        except OSError as error:
            raise store_error(error, self.directory) from error
        return figures.f_bavail * figures.f_frsize


def _is_ours(name: str) -> bool:
    return is_id(name.removesuffix(_PART))


def _checked(name: str) -> str:
    if not is_id(name):
        raise StoreError("a spool file is named by a message id only", phase="store")
    return name
