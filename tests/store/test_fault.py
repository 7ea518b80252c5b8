"""mailward.store.fault"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from mailward.errors import InputError, StoreBusy, StoreError, StoreFull
from mailward.store.fault import breaks_connection, concerns_everyone, damage, store_error

PATH = Path("/state/mailward.sqlite")


def fault(code: int, name: str = "SQLITE_X") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("said SQLite")
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    "error, kind, retryable",
    [
        (fault(sqlite3.SQLITE_FULL), StoreFull, True),
        (fault(4874), StoreFull, True),
        (fault(sqlite3.SQLITE_BUSY), StoreBusy, True),
        (fault(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreBusy, True),
        (fault(sqlite3.SQLITE_IOERR_FSYNC), StoreError, True),
        (fault(sqlite3.SQLITE_CORRUPT), StoreError, False),
        (fault(sqlite3.SQLITE_READONLY), StoreError, False),
        (OSError(errno.ENOSPC, "x"), StoreFull, True),
        (OSError(errno.EDQUOT, "x"), StoreFull, True),
        (OSError(errno.EIO, "x"), StoreError, True),
        (PermissionError(errno.EACCES, "x"), StoreError, False),
    ],
)
def test_each_fault_has_its_error(error: Exception, kind: type[StoreError], retryable: bool) -> None:
    """The kind of error, whether to try again and what to do follow from SQLite's code or errno."""
    told = store_error(error, PATH)

    assert type(told) is kind
    assert told.retryable is retryable
    assert str(PATH) in str(told)
    assert told.advice
    assert told.__cause__ is error


def test_our_own_errors_keep_their_words() -> None:
    """A StoreError stays itself; another error of ours becomes one with the same message."""
    own = StoreError("it is closed")
    refused = InputError("there is no message X", phase="queue")

    assert store_error(own, PATH) is own
    assert str(store_error(refused, PATH)) == "there is no message X"
    assert store_error(refused, PATH).phase == "queue"


@pytest.mark.parametrize(
    "error, everyone, broken",
    [
        (fault(sqlite3.SQLITE_IOERR_WRITE), True, True),
        (damage("row 7 missing from index"), True, True),
        (fault(sqlite3.SQLITE_BUSY), True, False),
        (fault(sqlite3.SQLITE_FULL), False, False),
        (fault(sqlite3.SQLITE_CONSTRAINT), False, False),
        (InputError("x"), False, False),
        (OSError(errno.EIO, "x"), False, False),
    ],
)
def test_whom_a_fault_concerns(error: Exception, everyone: bool, broken: bool) -> None:
    """A store that failed, failed for all; an operation that failed, failed alone. The same when it was reworded."""
    reworded = store_error(error, PATH)

    assert (concerns_everyone(error), breaks_connection(error)) == (everyone, broken)
    assert (concerns_everyone(reworded), breaks_connection(reworded)) == (everyone, broken)
