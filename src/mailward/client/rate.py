"""When the next message may be begun: a token bucket that gives way while the server asks for patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailward.client.limits import Rate

_BURST = 1.0  # seconds' worth of messages that may leave at once after a pause
_LEAST = 1 / 64  # of the rate, however often we are asked to slow down
_STEP = 1 / 50  # of the rate, regained with each message that is accepted
_PATIENCE = frozenset({421, 450, 451, 452, 454})


class Pace:
    """Of all senders of one client. The caller sees to it that two of them do not ask at the same time."""

    def __init__(self, rate: Rate) -> None:
        self._interval = rate.seconds / rate.messages
        self._burst = max(_BURST, self._interval)
        self._next: float | None = None  # when a bucket that is never full would give the next token
        self.factor = 1.0

    def take(self, now: float) -> float:
        """One message more; how many seconds it has to wait."""
        interval = self._interval / self.factor
        earliest = now - max(self._burst, interval) + interval
        start = earliest if self._next is None else max(self._next, earliest)
        self._next = start + interval
        return max(0.0, start - now)

    def heed(self, code: int | None, enhanced: str | None) -> None:
        """The reply that decided about a message: half the pace after each plea, a little more after each success."""
        if code is None:
            return
        if pleads(code, enhanced):
            self.factor = max(_LEAST, self.factor / 2)
        elif code < 300:
            self.factor = min(1.0, self.factor + _STEP)


def pleads(code: int, enhanced: str | None) -> bool:
    """Whether a server asks for less: it is busy, full, or has counted too many messages."""
    return code in _PATIENCE or (400 <= code < 500 and (enhanced or "").startswith("4.7."))
