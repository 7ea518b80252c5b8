"""Logins as they were recorded: from files of JSON Lines, one line in memory at a time, or from the database."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from mailward.errors import InputError
from mailward.events import LoginFailed, LoginRefused, LoginSucceeded, decode
from mailward.printable import printable

if TYPE_CHECKING:
    import sqlite3

    from mailward.guard.backtest import Recorded

_LONGEST_LINE = 1 << 20  # octets
_MOST_TOLD = 20
_TYPES = ("login.failed", "login.refused", "login.succeeded")


class Reading:
    """Iterate once. bad: how many lines were no events; `told` has the first of them. strict: the first is an error."""

    def __init__(self, paths: Sequence[Path], *, strict: bool) -> None:
        self._paths = paths
        self._strict = strict
        self.bad = 0
        self.told: list[str] = []

    def __iter__(self) -> Iterator[Recorded]:
        """Raises InputError for a file that cannot be read."""
        for path in self._paths:
            stream = sys.stdin.buffer if path == Path("-") else None
            try:
                with nullcontext(stream) if stream is not None else path.open("rb") as file:
                    yield from self._of_file(file, str(path))
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}") from error

    def _of_file(self, file: BinaryIO, name: str) -> Iterator[Recorded]:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
                self._bad(name, number, f"longer than {_LONGEST_LINE >> 20} MiB")
                _skip(file)
                continue
            if not line.strip():
                continue
            try:
                event = decode(line)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                self._bad(name, number, f"not an event: {error}")
                continue
            if isinstance(event, LoginSucceeded | LoginFailed | LoginRefused):
                yield event

    def _bad(self, name: str, number: int, what: str) -> None:
        told = printable(f"{name}:{number}: {what}", 300)
        if self._strict:
            raise InputError(told, advice="mend the line, or leave out --strict to skip it")
        self.bad += 1
        if len(self.told) < _MOST_TOLD:
            self.told.append(told)


def of_database(reader: sqlite3.Connection) -> Iterator[Recorded]:
    from mailward.store import events  # noqa: PLC0415

    for _, line in events.select(reader, types=_TYPES):
        event = decode(line)
        if isinstance(event, LoginSucceeded | LoginFailed | LoginRefused):
            yield event


def _skip(file: BinaryIO) -> None:
    """To the end of the line."""
    while (more := file.readline(_LONGEST_LINE)) and not more.endswith(b"\n"):
        pass
