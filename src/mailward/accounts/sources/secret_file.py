"""A secret that is a file of its own: read where it is used, so that a new one counts at the next connection."""

from __future__ import annotations

import os
import stat

from mailward.accounts.sources.source import out_of_order
from mailward.secret import Secret

_MOST_OCTETS = 4096
_OTHERS = stat.S_IRWXO | stat.S_IWGRP


def read_secret(source: str, path: str) -> Secret:
    """Its first line. AuthUnavailable: it cannot be read, is open to others, or holds no such text."""
    try:
        text = _read(path)
    except OSError as error:
        problem = f"{path}: {error.strerror or error}"
    except UnicodeDecodeError:
        problem = f"{path} is not UTF-8"
    else:
        if text and text.isprintable():
            return Secret(text)
        problem = f"{path} holds no secret on one line"
    raise out_of_order(source, problem)


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that the checks are of what is read
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file")
        if status.st_mode & _OTHERS:
            raise OSError(0, "open to others; chmod 600")
        return file.read(_MOST_OCTETS).decode().rstrip("\r\n")
