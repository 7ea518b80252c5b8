"""How many connections and messages a client may use, and how fast."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mailward.errors import InputError
from mailward.printable import printable

_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?/ ?(s|sec|second|min|minute|h|hour|d|day)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """`messages` in so many `seconds` at most."""

    messages: float
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not (_is_positive(self.messages) and _is_positive(self.seconds)):
            raise InputError("limits: a rate must be a number of messages above 0 in a time above 0", phase="options")

    @classmethod
    def of(cls, value: object) -> Rate:
        """`value`: "30/min", "5/s", "1000/hour", "20000/day", or a Rate. Raises InputError."""
        if isinstance(value, Rate):
            return value
        match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise InputError(
                f"limits: {printable(repr(value), 60)} is no rate",
                phase="options",
                advice='write it as "30/min", "5/s", "1000/hour" or "20000/day"',
            )
        return cls(float(match[1]), _SECONDS[match[2][0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`connections`: how many may be open at once, for threads or tasks and for `send_many`.

    `min_idle`: how many of them entering the client opens. `idle`: seconds after which one that was not used is
    closed. `messages_per_connection`: after so many another is opened; None for no number of our own.
    `rate`: messages in a time for the whole client, such as "30/min"; it falls while the server asks for patience.
    """

    connections: int = 1
    min_idle: int = 1
    idle: float = 60.0
    messages_per_connection: int | None = None
    rate: str | Rate | None = None

    def __post_init__(self) -> None:
        for name in ("connections", "messages_per_connection"):
            number: object = getattr(self, name)
            if number is None and name == "messages_per_connection":
                continue
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise InputError(f"limits: {name} must be a whole number from 1", phase="options")
        least: object = self.min_idle
        if not isinstance(least, int) or not 0 <= least <= self.connections:
            raise InputError("limits: min_idle must be a whole number from 0 to connections", phase="options")
        if not _is_positive(self.idle):
            raise InputError("limits: idle must be a number of seconds above 0", phase="options")
        if self.rate is not None:
            Rate.of(self.rate)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
