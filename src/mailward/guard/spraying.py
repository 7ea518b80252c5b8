"""Whether passwords are being tried on many accounts: one password on several, or many accounts within an hour."""

from __future__ import annotations

import math
import struct
from mmap import mmap

from mailward.guard.hyperloglog import SIZE as SKETCH_SIZE
from mailward.guard.hyperloglog import SKETCHES, Sketch

CELLS = 1 << 16
QUARTER = 900
_HEAD = struct.Struct("<IIBI4xII")  # mode since, until, on; the quarter; failures in each day's cells
_CELL = struct.Struct("<H")
_MOST = 0xFFFF
_SURE = 6.0  # deviations
SIZE = 64 + SKETCH_SIZE + 2 * 2 * CELLS


class Spraying:
    """Two days' counts of accounts by the tag of the wrong password, a sketch of the accounts guessed at, the mode."""

    __slots__ = (
        "_at",
        "_buffer",
        "_cells",
        "_estimated",
        "_sketch",
        "day",
        "on",
        "quarter",
        "since",
        "totals",
        "until",
    )

    def __init__(self, buffer: mmap, at: int) -> None:
        self._buffer = buffer
        self._at = at
        self._sketch = Sketch(buffer, at + 64)
        self._cells = at + 64 + SKETCH_SIZE
        self.since = self.until = self.on = self.quarter = 0
        self.totals = [0, 0]
        self._estimated = 0, 0.0

    def load(self) -> None:
        self.since, self.until, self.on, self.quarter, *self.totals = _HEAD.unpack_from(self._buffer, self._at)

    def save(self) -> None:
        _HEAD.pack_into(self._buffer, self._at, self.since, self.until, self.on, self.quarter, *self.totals)

    def heard(self, tag: int, day: int) -> None:
        """A wrong password, on an account that had not heard it yet. day: 0 or 1, whose key made the tag."""
        self.load()
        self.totals[day] = min(0xFFFFFFFF, self.totals[day] + 1)
        cell = self._cell(tag, day)
        _CELL.pack_into(self._buffer, cell, min(_MOST, _CELL.unpack_from(self._buffer, cell)[0] + 1))
        self.save()

    def sprayed(self, tags: tuple[int, int], least: int) -> bool:
        """Whether this password (its tags under the keys of day 0 and day 1) was wrong on `least` accounts, and on many
        more than chance would bring into one of the 65,536 cells, however many other passwords were tried."""
        self.load()
        cells = [self._cell(tag, day) for day, tag in enumerate(tags)]
        number: int = sum(_CELL.unpack_from(self._buffer, cell)[0] for cell in cells)
        by_chance = sum(self.totals) / CELLS
        return number >= least + int(by_chance + _SURE * math.sqrt(by_chance))

    def new_day(self, day: int) -> None:
        """The key of this day is new: what was counted under the old one is gone."""
        self.load()
        self.totals[day] = 0
        start = self._cell(0, day)
        self._buffer[start : start + 2 * CELLS] = bytes(2 * CELLS)
        self.save()

    def guessed(self, account: int, now: float) -> float:
        """account: 64 bits of a keyed hash. About how many accounts were guessed at within the hour."""
        self.load()
        quarter = int(now // QUARTER)
        for turn in range(min(SKETCHES, quarter - self.quarter) if quarter > self.quarter else 0):
            self._sketch.begin((quarter - turn) % SKETCHES)
        self.quarter = max(quarter, self.quarter) if self.quarter <= quarter + SKETCHES else quarter
        changed = self._sketch.add(account, self.quarter % SKETCHES)
        self.save()
        minute = int(now // 60)
        if changed or self._estimated[0] != minute:  # other workers write too, so look at least once a minute
            self._estimated = minute, self._sketch.estimate()
        return self._estimated[1]

    def begin(self, now: float, lasting: float) -> bool:
        """The mode is on, until `lasting` from now. Whether it was off."""
        self.load()
        begun = not self.on or self.since > now + 1  # the clock was put back
        if begun:
            self.since = int(now)
        self.on, self.until = 1, math.ceil(now + lasting)
        self.save()
        return begun

    def end(self, now: float) -> bool:
        """Whether the mode ends now; whoever of several workers asks first is told."""
        self.load()
        ended = bool(self.on) and self.until <= now
        if ended:
            self.on = 0
            self.save()
        return ended

    def active(self, now: float) -> bool:
        since, until, on, *_ = _HEAD.unpack_from(self._buffer, self._at)
        return bool(on) and since <= now + 1 and until > now

    def _cell(self, tag: int, day: int) -> int:
        return self._cells + 2 * (day * CELLS + tag % CELLS)
