"""Which of several servers to ask first, by how they fared: pure, with the clock as an argument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Member:
    """`failures`: in a row. `rests_until`: when one attempt may find out whether it is back."""

    failures: int = 0
    rests_until: float = 0.0


class Health:
    """`pause`: seconds one rests after `failures` failures in a row, twice as long each time after, up to `longest`."""

    def __init__(self, count: int, *, failures: int = 1, pause: float = 30.0, longest: float = 600.0) -> None:
        self.members = [Member() for _ in range(count)]
        self._failures = failures
        self._pause = pause
        self._longest = longest

    def order(self, now: float, *, first: int = 0) -> list[int]:
        """From `first` on, round: those that are well, and then, so that nothing is left untried, who rests.

        One that has rested enough is asked first among those that rest, and by one message only: it is taken to rest
        until that message tells how it is.
        """
        places = [(first + step) % len(self.members) for step in range(len(self.members))]
        well = [place for place in places if self._is_well(place)]
        rested = [place for place in places if not self._is_well(place) and self.members[place].rests_until <= now]
        resting = sorted(set(places) - set(well) - set(rested), key=lambda place: self.members[place].rests_until)
        if rested:  # half open
            trial = rested[0]
            self.members[trial].rests_until = now + self._pause
            return [trial, *well, *rested[1:], *resting]
        return [*well, *resting]

    def succeeded(self, place: int) -> None:
        self.members[place] = Member()

    def failed(self, place: int, now: float) -> None:
        member = self.members[place]
        member.failures += 1
        more = member.failures - self._failures
        if more >= 0:
            member.rests_until = now + min(self._longest, self._pause * 2.0 ** min(more, 32))

    def _is_well(self, place: int) -> bool:
        return self.members[place].failures < self._failures
