"""A file that holds a secret: read only if nobody else can have read or written it."""

from __future__ import annotations

import os
import stat
from typing import Final

from mailward.errors import InputError
from mailward.printable import printable

_MOST_OCTETS: Final = 16 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def private_octets(path: str, *, what: str, insecure_mode: bool = False) -> bytes:
    """All of a regular file that we, or root, own and only its owner can use (mode 0600 or 0400). Raises InputError.

    what: how an error calls the file. insecure_mode: true takes one that others can use, too.
    """
    shown = f"{what} {printable(path, 200)}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        problem = error.strerror
    else:
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise unusable(f"{shown} is no regular file")
            if status.st_size > _MOST_OCTETS:
                raise unusable(f"{shown} has more than {_MOST_OCTETS} octets")
            if not insecure_mode:
                _check(status, shown, path)
            return os.read(descriptor, _MOST_OCTETS)
        finally:
            os.close(descriptor)
    raise unusable(f"{shown}: {problem}")


def unusable(problem: str, advice: str | None = None) -> InputError:
    return InputError(problem, phase="auth", advice=advice)


def _check(status: os.stat_result, shown: str, path: str) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        raise unusable(f"{shown} belongs to another user", "chown it, or give a file of your own")
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise unusable(f"others can use {shown} (mode {mode:04o})", f"chmod 600 {printable(path, 200)}")
