"""Who is at work: a locked file for each holder, which the kernel lets go of however that process ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path

from mailward.errors import StoreError
from mailward.store.directory import make_directory
from mailward.store.fault import store_error

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,100}")


class Holder:
    """`name` is alive from the first `hold` to `let_go`, or to the end of the process; its forks are not it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._path = directory / _checked(name)
        self._file: int | None = None
        self.name = name

    def hold(self) -> None:
        """Raises StoreError."""
        if self._file is not None:
            return
        try:
            make_directory(self._directory)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise store_error(error, self._path) from error

    def let_go(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None

    def disown(self) -> None:
        """In a child: what the parent holds stays the parent's."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_alive(directory: Path, name: str) -> bool:
    """Whether a process, this one too, holds that name. What a dead one left is removed."""
    path = directory / _checked(name)
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise store_error(error, path) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError as error:
        raise store_error(error, path) from error
    finally:
        os.close(file)
    return False


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StoreError(f"{name!a} is no name of a holder", phase="store")
    return name
