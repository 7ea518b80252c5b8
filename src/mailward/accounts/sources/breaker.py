"""A source that fails again and again is left alone for a while: logins are told at once, and it can recover."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """After `failures` outages in a row nothing passes for `pause` seconds; then one question tries it out."""

    def __init__(self, *, failures: int, pause: float, now: Callable[[], float]) -> None:
        self._failures = failures
        self._pause = pause
        self._now = now
        self._in_a_row = 0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether the source is left alone, or is being tried out."""
        return self._in_a_row >= self._failures

    def passes(self) -> bool:
        """Whether a question may be asked now; the one that tries the source out keeps the others waiting."""
        if not self.open:
            return True
        now = self._now()
        if now < self._until:
            return False
        self._until = now + self._pause
        return True

    def worked(self) -> None:
        self._in_a_row = 0

    def failed(self) -> None:
        self._in_a_row += 1
        if self.open:
            self._until = self._now() + self._pause
