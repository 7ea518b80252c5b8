"""The figures of the guard, and the ladder of delays made of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mailward.errors import InputError

_LONGEST_LADDER = 64  # steps; beyond it the delay has long been the longest, and the power would overflow
_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Times are in seconds.

    distinct_wrong_passwords_per_account: what all sources that an account does not know may try there within
    `account_window` (up to 32 are counted exactly; more means that there is no such budget).
    source_failures: wrong passwords of one source within `window`, after which it is refused for `ban`; each further
    time within `ban_remembered` for `ban_growth` times as long, at most `ban_most`. ring_factors: how many times as
    many the networks around it have together (IPv4 /26 and /21, IPv6 /48 and /32).
    shared_most: a source that is known to several accounts has one failure more for each further one, up to so many.
    spraying_accounts: when so many accounts were guessed at within an hour from sources they do not know, an unknown
    source has one wrong password only, until there was no such hour for `spraying_for`.
    sprayed_accounts: a password that was wrong on so many accounts within a day is one that is being sprayed.
    delay_first, delay_growth, delay_most: how long the answer to the first is held back, how many times longer each
    next one, and the longest; delay_repeated_first, delay_repeated_most: the same where a wrong password comes again.
    failures_per_connection: after so many the server ends the connection.
    tracked_sources, tracked_accounts: for how many of each the state has room. known_for: since its last login, how
    long a source is known to an account.
    """

    distinct_wrong_passwords_per_account: int = 10
    account_window: float = _DAY
    source_failures: int = 5
    window: float = 3600.0
    ban: float = 1800.0
    ban_growth: float = 2.0
    ban_most: float = _DAY
    ban_remembered: float = 30 * _DAY
    ring_factors: tuple[int, int] = (3, 9)
    shared_most: int = 20
    spraying_accounts: int = 100
    spraying_for: float = 3600.0
    sprayed_accounts: int = 5
    delay_first: float = 0.5
    delay_growth: float = 2.0
    delay_most: float = 8.0
    delay_repeated_first: float = 2.0
    delay_repeated_most: float = 15.0
    failures_per_connection: int = 3
    tracked_sources: int = 250_000
    tracked_accounts: int = 20_000
    known_for: float = 30 * _DAY

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0.0 if field.name.startswith("delay_") or field.name == "shared_most" else 1.0
            if (min(value) if isinstance(value, tuple) else value) < least:
                raise InputError(f"guard.{field.name} must be at least {least:g}", phase="config")

    def delay(self, failures: int) -> float:
        """How long the answer to the `failures`-th failure in a row is held back."""
        return self._step(failures, self.delay_first, self.delay_most)

    def delay_repeated(self, repeats: int) -> float:
        """The same where a wrong password came again, for the `repeats`-th time; not at all when delays are off."""
        if self.delay_most == 0:
            return 0.0
        return self._step(repeats, self.delay_repeated_first, self.delay_repeated_most)

    def ban_for(self, times: int, chance: float) -> float:
        """How long the `times`-th ban of a source lasts. chance: 0 to 1, up to a tenth longer, against schedules."""
        step = min(times, _LONGEST_LADDER) - 1
        return min(self.ban_most, self.ban * self.ban_growth**step) * (1.0 + chance / 10)

    @property
    def longest_ban(self) -> float:
        """What seems to last longer was written when the clock was ahead."""
        return self.ban_most * 1.1 + 1

    def _step(self, number: int, first: float, most: float) -> float:
        if number < 1:
            return 0.0
        return min(most, first * self.delay_growth ** (min(number, _LONGEST_LADDER) - 1))
