"""Failures leave at even steps of time, so that how long one took does not tell which source knows the name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

STEP = 0.25


class Pace:
    """now: a clock that only goes forward. step: seconds; longer than what most failures take."""

    def __init__(self, now: Callable[[], float], *, step: float = STEP) -> None:
        self._now = now
        self._step = step

    def start(self) -> float:
        return self._now()

    async def even(self, started: float) -> None:
        """Return at the next whole number of steps after `started`."""
        await asyncio.sleep(self.left(started))

    def left(self, started: float) -> float:
        return self._step - max(0.0, self._now() - started) % self._step
