"""Any file is a filter of breached passwords or an InputError, also in its look-ups."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from mailward.accounts.breached_build import build
from mailward.accounts.breached_filter import BreachedFilter
from mailward.errors import InputError


@cache
def folder() -> Path:
    """One for all runs; it is gone with the process."""
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def seed(passwords: str, rate: float) -> bytes:
    path = folder() / "seed"
    build(io.BytesIO(passwords.encode()), path, rate=rate)
    return path.read_bytes()


SEEDS = [seed("kite", 0.07), seed("\n".join(map(str, range(40))), 1e-6), b"MWBREACH", b"password\n"]


def target(data: bytes) -> None:
    path = folder() / "fuzzed"
    path.write_bytes(data)
    try:
        known = BreachedFilter(path)
    except InputError:
        return
    for key in (0, 1 << 63, (1 << 64) - 1):
        with suppress(InputError):
            _ = key in known
    known.close()
