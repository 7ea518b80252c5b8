"""The wrong passwords of one account: when, which (16 bits of a keyed hash), whose, and whether they count."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

from mailward.guard.score import LEASE
from mailward.guard.table import Table, Worth

ENTRIES = 40
_HEAD = struct.Struct("<BBII")  # entries, whether the account exists, touched, closed until
_ENTRY = struct.Struct("<IHHB")
SIZE = _HEAD.size + ENTRIES * _ENTRY.size


class Kind(IntEnum):
    """HELD: a guess that is being checked; its `tag` is a number that tells it from others. COUNTED, HEARD: a wrong
    password that counts, that does not. HIDDEN: one that counts and was not seen. ODD: a bit that is added when the
    tag was made under the key of an odd day."""

    HELD = 1
    COUNTED = 2
    HEARD = 3
    HIDDEN = 4


_ODD = 16
_COUNT = frozenset({Kind.COUNTED, Kind.HIDDEN})


@dataclass(slots=True)
class Entry:
    time: int
    tag: int
    source: int
    kind: int
    day: int = 0


class Ledger:
    """`exists`: a real account's; those of invented names give way to it."""

    __slots__ = ("at", "entries", "exists", "touched")

    def __init__(self, entries: list[Entry], *, exists: bool, touched: int, at: int) -> None:
        self.entries = entries
        self.exists = exists
        self.touched = touched
        self.at = at

    def counted(self) -> list[Entry]:
        """What unknown sources have used up, the oldest first."""
        return sorted((entry for entry in self.entries if entry.kind in _COUNT), key=lambda entry: entry.time)

    def held(self) -> int:
        return sum(entry.kind == Kind.HELD for entry in self.entries)

    def used(self) -> int:
        """Counted, or about to be."""
        return sum(entry.kind != Kind.HEARD for entry in self.entries)

    def free_at(self, window: float, budget: int) -> float:
        """When fewer than `budget` will be counted; 0 if that is so."""
        counted = self.counted()
        return counted[len(counted) - budget].time + window if len(counted) >= budget else 0.0

    def heard(self, tag: int, day: int) -> bool:
        """Whether this wrong password came lately; if it counts for nothing, it is remembered longer for it."""
        return any(
            entry.tag == tag and entry.day == day and entry.kind in (Kind.COUNTED, Kind.HEARD) for entry in self.entries
        )

    def add(self, entry: Entry) -> None:
        """When there is no room, what counts for nothing goes first."""
        if len(self.entries) >= ENTRIES:
            heard = [entry for entry in self.entries if entry.kind == Kind.HEARD]
            self.entries.remove(min(heard or self.counted() or self.entries, key=lambda entry: entry.time))
        self.entries.append(entry)

    def release(self, held: Entry) -> None:
        if held in self.entries:
            self.entries.remove(held)

    def forgive(self, source: int) -> list[Entry]:
        """Take back what a source has used up; that, for its own score."""
        forgiven = [entry for entry in self.entries if entry.source == source and entry.kind in _COUNT]
        self.entries = [entry for entry in self.entries if entry not in forgiven]
        return forgiven

    def clear(self) -> None:
        """Forget what counts, and what was being checked."""
        self.entries = [entry for entry in self.entries if entry.kind == Kind.HEARD]


class Ledgers:
    """The table of them. What `of` gives is a copy until `keep`; both belong under one lock."""

    def __init__(self, table: Table, buffer: mmap) -> None:
        self._table = table
        self._buffer = buffer

    def of(self, subject: str, *, now: float, window: float) -> Ledger:
        return self._read(self._table.find(subject), now, window)

    def closed_until(self, subject: str) -> float | None:
        """Until when the last to write it found it closed, 0 if open, without reading its entries; None: no ledger."""
        at = self._table.find(subject)
        return float(_HEAD.unpack_from(self._buffer, at)[3]) if at else None

    def keep(self, subject: str, ledger: Ledger, *, now: float, window: float, budget: int) -> None:
        if not ledger.entries:
            if ledger.at:
                self._table.drop(subject)
            return
        if not ledger.at:
            ledger.at = self._table.place(subject, self._worth(now, window))
        body = b"".join(_packed(entry) for entry in ledger.entries)
        head = _HEAD.pack(len(ledger.entries), ledger.exists, int(now), math.ceil(ledger.free_at(window, budget)))
        self._buffer[ledger.at : ledger.at + len(head) + len(body)] = head + body

    def release_all(self) -> None:
        """Nobody is checking anything: all that is held is free."""
        for at in self._table.places():
            number, *rest = _HEAD.unpack_from(self._buffer, at)
            start = at + _HEAD.size
            entries = list(_ENTRY.iter_unpack(self._buffer[start : start + min(number, ENTRIES) * _ENTRY.size]))
            left = [entry for entry in entries if entry[3] & ~_ODD != Kind.HELD]
            if len(left) < len(entries):
                body = b"".join(_ENTRY.pack(*entry) for entry in left)
                self._buffer[at : start + len(body)] = _HEAD.pack(len(left), *rest) + body

    def __len__(self) -> int:
        return len(self._table)

    def _read(self, at: int, now: float, window: float) -> Ledger:
        if not at:
            return Ledger([], exists=False, touched=0, at=0)
        number, exists, touched, _ = _HEAD.unpack_from(self._buffer, at)
        start = at + _HEAD.size
        raw = self._buffer[start : start + min(number, ENTRIES) * _ENTRY.size]
        latest = math.ceil(now)
        entries = []
        for time, tag, source, kind in _ENTRY.iter_unpack(raw):
            what = kind & ~_ODD
            if not Kind.HELD <= what <= Kind.HIDDEN:
                continue  # of a worker that died while it wrote
            time = min(time, latest)  # noqa: PLW2901 - the clock was put back: forget later, not never
            if time > now - (LEASE if what == Kind.HELD else window):
                entries.append(Entry(time, tag, source, what, kind >> 4))
        return Ledger(entries, exists=exists != 0, touched=touched, at=at)

    def _worth(self, now: float, window: float) -> Callable[[int], Worth]:
        """Nothing is worth less than a name that nobody has; the fuller a real account's, the more it is worth."""

        def worth(at: int) -> Worth:
            number, exists, touched, _ = _HEAD.unpack_from(self._buffer, at)
            if touched <= now - window:
                return (0, 0, touched)
            return (int(exists != 0), number, touched)

        return worth


def _packed(entry: Entry) -> bytes:
    return _ENTRY.pack(entry.time, entry.tag, entry.source, entry.kind | (_ODD if entry.day else 0))
