"""How many different things were seen lately, in 256 octets a quarter of an hour (Flajolet et al., HyperLogLog, 2007).

With 256 registers the figure is right to about 7 %, and nearly exact while it is small.
"""

from __future__ import annotations

import math
from mmap import mmap

REGISTERS = 256
SKETCHES = 4
SIZE = REGISTERS * SKETCHES
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
_RANK_BITS = 56  # what is left of a 64-bit hash


class Sketch:
    """`at`: where in the buffer. Four sketches take turns; together they hold the last three to four quarters."""

    __slots__ = ("_at", "_buffer")

    def __init__(self, buffer: mmap, at: int) -> None:
        self._buffer = buffer
        self._at = at

    def add(self, number: int, turn: int) -> bool:
        """number: 64 bits of a keyed hash. Whether that changes the sketch."""
        register = self._at + turn * REGISTERS + number % REGISTERS
        rank = _RANK_BITS - (number >> 8).bit_length() + 1
        higher = rank > self._buffer[register]
        if higher:
            self._buffer[register] = rank
        return higher

    def begin(self, turn: int) -> None:
        """Empty one for its next turn."""
        start = self._at + turn * REGISTERS
        self._buffer[start : start + REGISTERS] = bytes(REGISTERS)

    def estimate(self) -> float:
        """Different things in all four."""
        octets = self._buffer[self._at : self._at + SIZE]
        turns = [octets[start : start + REGISTERS] for start in range(0, SIZE, REGISTERS)]
        return _estimate([min(_RANK_BITS + 1, max(each)) for each in zip(*turns, strict=True)])


def _estimate(registers: list[int]) -> float:
    raw = _ALPHA * REGISTERS**2 / math.fsum(2.0**-register for register in registers)
    empty = registers.count(0)
    if raw <= 2.5 * REGISTERS and empty:
        return REGISTERS * math.log(REGISTERS / empty)
    return raw
