"""A server under measurement, seen from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.program import Program


class Stored(NamedTuple):
    """What lies on disk."""

    messages: int = 0
    octets: int = 0

    def since(self, before: Stored) -> Stored:
        return Stored(self.messages - before.messages, self.octets - before.octets)


@dataclass(frozen=True, slots=True)
class Running:
    """`stored`: looks at the disk; None for a server that keeps nothing."""

    program: Program
    port: int
    stored: Callable[[], Stored] | None = None


def files_in(folder: Path) -> Stored:
    """A server that keeps a file for each message."""
    sizes = [file.stat().st_size for file in _files(folder)]
    return Stored(len(sizes), sum(sizes))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else iter(())
