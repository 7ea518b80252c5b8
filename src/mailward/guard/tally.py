"""What is remembered of a source, an account, or a known pair of both: failures, and guesses that are being checked."""

from __future__ import annotations

from collections import OrderedDict


class Tally:
    """Times are monotonic seconds. A failure is kept with what it was against: an account's source, a source's account.

    strikes: unsuccessful logins in a row, counted or not; they set the delay. slips: those of them that came to no
    password. closed_until: Unix seconds, for the
    accounts outsiders have spent, which are not banned.
    """

    __slots__ = ("closed_until", "failures", "in_flight", "slips", "strikes", "struck")

    def __init__(self) -> None:
        self.failures: tuple[tuple[float, str], ...] = ()
        self.in_flight = 0
        self.strikes = 0
        self.slips = 0
        self.struck = 0.0
        self.closed_until = 0.0

    def count(self, since: float) -> int:
        """Failures after `since`; older ones are dropped."""
        if self.failures and self.failures[0][0] <= since:
            self.failures = tuple(failure for failure in self.failures if failure[0] > since)
        return len(self.failures)

    def add(self, now: float, against: str) -> None:
        self.failures = (*self.failures, (now, against))

    def forgive(self, against: str) -> None:
        """Drop the failures against one; the last of all takes the strikes with it."""
        self.failures = tuple(failure for failure in self.failures if failure[1] != against)
        if not self.failures:
            self.strikes = self.slips = 0

    def strike(self, now: float, since: float) -> int:
        """One more unsuccessful login; the length of the row, which a silence from before `since` breaks."""
        if self.struck <= since:
            self.strikes = self.slips = 0
        self.strikes += 1
        self.struck = now
        return self.strikes


class Tallies:
    """At most `limit` of them; the one not needed for longest goes first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tallies: OrderedDict[str, Tally] = OrderedDict()

    def of(self, key: str) -> Tally:
        """The tally of `key`, made if there is none."""
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
            if len(self._tallies) > self._limit:
                self._tallies.popitem(last=False)
        else:
            self._tallies.move_to_end(key)
        return tally

    def closed_until(self, key: str) -> float:
        tally = self._tallies.get(key)
        return 0.0 if tally is None else tally.closed_until

    def forgive(self, key: str, against: str) -> None:
        if key in self._tallies:
            self._tallies[key].forgive(against)
            self.drop_if_clean(key)

    def drop_if_clean(self, key: str) -> None:
        """Keep nothing of those who did nothing wrong."""
        tally = self._tallies.get(key)
        if tally is not None and not (tally.failures or tally.in_flight or tally.strikes or tally.closed_until):
            del self._tallies[key]

    def __len__(self) -> int:
        return len(self._tallies)
