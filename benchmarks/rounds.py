"""Interleaved rounds: every subject meets every case once a round, so that the machine's moods meet all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks.peers.running import Running

T = TypeVar("T")
Start = Callable[[Path], AbstractContextManager[Running]]


def turned(subjects: Sequence[T], number: int) -> list[T]:
    """Another one is first in each round."""
    at = number % len(subjects)
    return [*subjects[at:], *subjects[:at]]


@contextmanager
def started(peers: Mapping[str, Start], folder: Path) -> Iterator[dict[str, Running]]:
    """All of them, each in the new folder `folder`/its name."""
    with ExitStack() as stack:
        running = {}
        for name, start in peers.items():
            (folder / name).mkdir(parents=True, mode=0o755)
            running[name] = stack.enter_context(start(folder / name))
        yield running
