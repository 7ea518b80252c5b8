"""What is remembered of a source, of a ring of networks, or of a source an account knows: a record of 47 octets."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from mmap import mmap
from typing import TypeAlias

from mailward.guard.table import Table, Worth

FORM = struct.Struct("<I16sIHHBBIBIII")
LEASE = 60  # seconds, at the least, that a guess which is being checked is held for a worker that may have died
_SLOTS = 16
_PARTS = 15  # of the window in a slot; one slot more, for the one that the window begins in
_ALL_CLEAR = bytes(_SLOTS)
_MOST, _MOST_HELD = 0xFF, 0xFFFF
Hold: TypeAlias = int  # the minute in which it was taken


class Score:
    """Failures are counted by sixteenths of the window, and a sixteenth is forgotten only when all of it is past: so
    no window of that length, wherever it begins, has one failure more than is counted.

    strikes: unsuccessful logins in a row, counted or not; they set the delay. slips: those of them that came to no
    password. offences: bans so far, the last at `offended`; banned: Unix seconds, when the ban ends.
    """

    __slots__ = (
        "_counts", "_held", "_held_before", "_lease", "_start", "at", "banned", "offences", "offended", "slips",
        "strikes", "struck", "touched",
    )  # fmt: skip

    def __init__(self, fields: tuple[int, bytes, int, int, int, int, int, int, int, int, int, int], at: int) -> None:
        (self._start, counts, self._lease, self._held, self._held_before, self.strikes, self.slips, self.struck,
         self.offences, self.offended, self.banned, self.touched) = fields  # fmt: skip
        self._counts = counts
        self.at = at

    def fields(self) -> tuple[int, bytes, int, int, int, int, int, int, int, int, int, int]:
        return (self._start, self._counts, self._lease, self._held, self._held_before, self.strikes, self.slips,
                self.struck, self.offences, self.offended, self.banned, self.touched)  # fmt: skip

    def count(self, now: float, window: float) -> int:
        """Failures that may lie within `window`."""
        if self._counts == _ALL_CLEAR:
            return 0
        self._roll(now, window)
        return sum(self._counts[: self._live(now, window)])

    def free_at(self, now: float, window: float, budget: int) -> float:
        """When fewer than `budget` failures will be left."""
        self._roll(now, window)
        counts = self._counts[: self._live(now, window)]
        left, part = sum(counts), _part(window)
        for slot in range(len(counts) - 1, -1, -1):
            left -= counts[slot]
            if left < budget:
                return max(now, self._start - (slot - 1) * part + window)
        return now

    def add(self, now: float, window: float, failures: int = 1) -> None:
        if self._counts == _ALL_CLEAR:
            self._start = int(now)
        self._roll(now, window)
        self._counts = bytes((min(_MOST, self._counts[0] + failures),)) + self._counts[1:]

    def take_back(self, time: float, window: float) -> None:
        """Forgive one failure of that time."""
        slot = max(0, math.ceil((self._start - time) / _part(window)))
        for each in (slot, slot - 1, slot + 1):  # the time was rounded
            if 0 <= each < _SLOTS and self._counts[each]:
                self._counts = self._counts[:each] + bytes((self._counts[each] - 1,)) + self._counts[each + 1 :]
                return

    def clear(self) -> None:
        """The failures are answered for."""
        self._counts = _ALL_CLEAR

    def held(self, now: float) -> int:
        """Guesses that are being checked."""
        self._renew(now)
        return self._held + self._held_before

    def hold(self, now: float) -> Hold:
        self._renew(now)
        self._held = min(_MOST_HELD, self._held + 1)
        return self._lease

    def release(self, hold: Hold, now: float) -> None:
        """What was taken so long ago that it lapsed is not given back twice."""
        self._renew(now)
        if hold == self._lease:
            self._held = max(0, self._held - 1)
        elif hold == self._lease - 1:
            self._held_before = max(0, self._held_before - 1)

    def strike(self, now: float, window: float) -> int:
        """One more unsuccessful login; the length of the row, which a silence as long as `window` breaks."""
        if self.struck + window <= now:
            self.strikes = self.slips = 0
        self.strikes = min(_MOST, self.strikes + 1)
        self.struck = int(now)
        return self.strikes

    def slip(self) -> int:
        self.slips = min(_MOST, self.slips + 1)
        return self.slips

    def offend(self, now: float, remembered: float) -> int:
        """One more ban; how many there were within `remembered`."""
        self.offences = min(_MOST, self.offences + 1) if self.offended + remembered > now else 1
        self.offended = int(now)
        return self.offences

    def clean(self, now: float, window: float, remembered: float) -> bool:
        """Nothing to remember."""
        return not (
            self.strikes
            or self.count(now, window)
            or self.held(now)
            or self.banned > now
            or (self.offences and self.offended + remembered > now)
        )

    def _live(self, now: float, window: float) -> int:
        """Slots that may hold something within the window."""
        return min(_SLOTS, math.ceil(1 + (self._start - now + window) / _part(window)))

    def _roll(self, now: float, window: float) -> None:
        if self._start > now:
            self._start = int(now)  # the clock was put back, or the record is damaged: forget later, not sooner
        steps = int(now - self._start) // _part(window)
        if steps:
            self._counts = (bytes(min(steps, _SLOTS)) + self._counts)[:_SLOTS]
            self._start += steps * _part(window)

    def _renew(self, now: float) -> None:
        minute = int(now // LEASE)
        if self._lease == minute:
            return
        self._held_before = self._held if self._lease == minute - 1 else 0
        self._held = 0
        self._lease = minute


class Scores:
    """The table of them. What `of` gives is a copy until `keep`; both belong under one lock."""

    def __init__(self, table: Table, buffer: mmap) -> None:
        self._table = table
        self._buffer = buffer

    def of(self, subject: str) -> Score:
        at = self._table.find(subject)
        return Score(FORM.unpack_from(self._buffer, at) if at else _NOTHING, at)

    def keep(self, subject: str, score: Score, now: float) -> None:
        score.touched = int(now)
        if not score.at:
            score.at = self._table.place(subject, self._worth(now))
        FORM.pack_into(self._buffer, score.at, *score.fields())

    def drop(self, subject: str) -> None:
        self._table.drop(subject)

    def release_all(self) -> None:
        """Nobody is checking anything: all that is held is free."""
        for at in self._table.places():
            start, counts, lease, held, held_before, *rest = FORM.unpack_from(self._buffer, at)
            if held or held_before:
                FORM.pack_into(self._buffer, at, start, counts, lease, 0, 0, *rest)

    def __len__(self) -> int:
        return len(self._table)

    def _worth(self, now: float) -> Callable[[int], Worth]:
        """Least of all what lies longest without a ban or a guess; most of all the repeated offender."""

        def worth(at: int) -> Worth:
            score = Score(FORM.unpack_from(self._buffer, at), at)
            return (int(score.banned > now or score.held(now) > 0), score.offences, sum(score._counts), score.touched)

        return worth


def _part(window: float) -> int:
    """Whole seconds, so that no fraction is ever lost."""
    return math.ceil(window / _PARTS)


_NOTHING = (0, _ALL_CLEAR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
