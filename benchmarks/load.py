"""A load in a process of its own: it warms up, waits for the word, and tells what it measured of itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from benchmarks.program import ROOT

_PATIENCE = 120.0  # seconds


class Measured(msgspec.Struct, frozen=True):
    """What `workers.timing.Watch` printed. `grown`: octets of memory, where a worker looks at that."""

    count: int
    seconds: float
    cpu: float
    grown: int | None = None


class Load:
    """A process that is warm."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go(self) -> Measured:
        said, complaints = self._process.communicate("go\n", timeout=_PATIENCE)
        if self._process.returncode:
            raise RuntimeError(f"{self._process.args!r}: {complaints}")
        return msgspec.json.decode(said, type=Measured)


@contextmanager
def loading(module: str, *arguments: object) -> Iterator[Load]:
    """benchmarks.workers.MODULE, warm."""
    command = _command(module, arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "warm\n":
                raise RuntimeError(f"{command}: {process.communicate(timeout=_PATIENCE)[1]}")
            yield Load(process)
        finally:
            process.kill()


def work(module: str, *arguments: object) -> None:
    """Runs benchmarks.workers.MODULE to its end."""
    command = _command(module, arguments)
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=_PATIENCE)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")


def _command(module: str, arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.workers.{module}", *map(str, arguments)]
