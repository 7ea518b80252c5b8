"""When to try again (RFC 5321 §4.5.4.1): pure, so that a table tests it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FEWEST: Final = 5  # attempts before a message is given up, however old the clock says it is


@dataclass(frozen=True, slots=True)
class Schedule:
    """`first`: seconds before the second attempt, doubled each time up to `longest`; `give_up`: seconds after receipt.

    `jitter`: how much of a wait is left to chance, so that what failed together does not come back together.

    Age alone gives nothing up: the clock may have jumped, or Mailward may have been off for a week. Whatever the age,
    five attempts are made first, as far apart as any.
    """

    first: float = 300.0
    longest: float = 14_400.0
    give_up: float = 432_000.0
    jitter: float = 0.2

    def next_attempt(self, *, attempts: int, received: float, now: float, chance: float) -> float | None:
        """Unix seconds of the next attempt after `attempts` failed ones; None to give up. `chance`: 0 to 1."""
        if attempts >= _FEWEST and now - received >= self.give_up:
            return None
        wait = min(self.longest, self.first * 2.0 ** min(max(attempts, 1) - 1, 32))
        wait *= 1.0 - self.jitter + 2.0 * self.jitter * chance
        if attempts < _FEWEST:
            return now + wait
        return min(now + wait, max(received + self.give_up, now + 1.0))
