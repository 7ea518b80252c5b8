"""The figures of the guard, and the ladder of delays made of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mailward.errors import InputError

_LONGEST_LADDER = 64  # steps; beyond it the delay has long been the longest, and the power would overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Times are in seconds.

    source_failures, account_failures: wrong passwords within `window` after which a source, an account is refused
    for `ban`. delay_first, delay_growth, delay_most: how long the answer to the first is held back, how many times
    longer each next one, and the longest. failures_per_connection: after so many the server ends the connection.
    tracked_sources: sources, and as many accounts, that are remembered. known_for: since its last login, how long a
    source is known to an account.
    """

    source_failures: int = 5
    account_failures: int = 10
    window: float = 600.0
    ban: float = 900.0
    delay_first: float = 0.5
    delay_growth: float = 2.0
    delay_most: float = 8.0
    failures_per_connection: int = 3
    tracked_sources: int = 100_000
    known_for: float = 30 * 86_400.0

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 0.0 if field.name.startswith("delay_") else 1.0
            if getattr(self, field.name) < least:
                raise InputError(f"guard.{field.name} must be at least {least:g}", phase="config")

    def delay(self, failures: int) -> float:
        """How long the answer to the `failures`-th failure in a row is held back."""
        if failures < 1:
            return 0.0
        step = min(failures, _LONGEST_LADDER) - 1
        return min(self.delay_most, self.delay_first * self.delay_growth**step)
