"""Which StoreError a fault of SQLite or of the file system is (https://www.sqlite.org/rescode.html)."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from mailward.errors import MailwardError, StoreBusy, StoreError, StoreFull

_PRIMARY = 0xFF  # the low octet of an extended result code
_SHM_SIZE = 4874  # SQLITE_IOERR_SHMSIZE: no room to grow the index of the WAL


class _Meaning(NamedTuple):
    error: type[StoreError]
    says: str
    advice: str
    retryable: bool = False


_FULL = _Meaning(
    StoreFull, "no space left for {path}", "Free some space there; a restart is not needed.", retryable=True
)
_BUSY = _Meaning(
    StoreBusy, "{path} is held by another process", "Try again when the other process is done.", retryable=True
)
_FAILED = _Meaning(
    StoreError,
    "{path} cannot be read or written",
    "Look at the disk and the system's log; the store is checked before anything is written again.",
    retryable=True,
)
_DENIED = _Meaning(StoreError, "{path} cannot be opened or changed", "Check its owner, its mode and its file system.")
_DAMAGED = _Meaning(
    StoreError,
    "{path} is damaged or is not a database",
    "Stop Mailward, keep a copy of the file and those beside it, then restore a backup or use `sqlite3 FILE .recover`.",
)
_REFUSED = _Meaning(StoreError, "{path} refused a statement", "This is a fault in Mailward; please report it.")

_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_IOERR: _FAILED,
    sqlite3.SQLITE_NOMEM: _FAILED,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_AUTH: _DENIED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
_OF_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOENT: _DENIED,
    errno.ENOTDIR: _DENIED,
    errno.ELOOP: _DENIED,
    errno.EEXIST: _DENIED,
}


def store_error(error: BaseException, path: Path) -> StoreError:
    """`error` in the words of the tree, and as its cause; a StoreError stays as it is."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, MailwardError):
        told = StoreError(error.message, phase=error.phase, retryable=error.retryable, advice=error.advice)
    else:
        meaning = _meaning(error)
        says = f"{meaning.says.format(path=path)}: {_detail(error)}"
        told = meaning.error(says, phase="store", retryable=meaning.retryable, advice=meaning.advice)
    told.__cause__ = error
    return told


def damage(verdict: str) -> sqlite3.DatabaseError:
    """What an integrity check found, as SQLite would have raised it."""
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def concerns_everyone(error: BaseException) -> bool:
    """Whether the store itself failed, so that no other operation could have fared better."""
    return isinstance(_origin(error), sqlite3.Error) and _meaning(error) in {_BUSY, _FAILED, _DENIED, _DAMAGED}


def breaks_connection(error: BaseException) -> bool:
    """Whether what SQLite holds in memory can no longer be trusted to be what is on the disk."""
    return concerns_everyone(error) and _meaning(error) is not _BUSY


def _origin(error: BaseException) -> BaseException | None:
    return error.__cause__ if isinstance(error, StoreError) else error  # those are raised from what SQLite said


def _meaning(error: BaseException) -> _Meaning:
    origin = _origin(error)
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return _FULL if code == _SHM_SIZE else _OF_SQLITE.get(code & _PRIMARY, _REFUSED)
    if isinstance(origin, OSError):
        return _OF_SYSTEM.get(origin.errno or 0, _FAILED)
    return _REFUSED


def _detail(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
