"""What happens in one simulated stretch of time: who tries to log in, from where, with what, and who is honest."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from ipaddress import IPv4Address

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Try:
    """One login. time: seconds from the beginning. honest: it is not the attack's."""

    time: float
    source: IPv4Address
    account: str
    password: str
    honest: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """An account gets another password."""

    time: float
    account: str
    password: str


@dataclass(frozen=True, slots=True)
class Story:
    """passwords: of the accounts that exist, at the beginning. before: who logged in from where in the month before.

    tries: by time. proxies: addresses the operator has named as such.
    """

    name: str
    told: str
    passwords: dict[str, str]
    before: tuple[tuple[str, IPv4Address], ...]
    tries: tuple[Try, ...]
    changes: tuple[Change, ...] = ()
    proxies: tuple[IPv4Address, ...] = ()


@dataclass(slots=True)
class Town:
    """People who each log in about once an hour from a place of their own; `chance` is all the chance there is."""

    chance: random.Random
    people: int = 40
    hours: float = 24.0
    passwords: dict[str, str] = field(default_factory=dict)
    homes: dict[str, IPv4Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(self.people):
            self.settle(f"user{number}@example.test", IPv4Address("198.51.100.0") + number)

    def settle(self, account: str, home: IPv4Address) -> None:
        self.passwords[account] = f"the right one of {account}"
        self.homes[account] = home

    def days(self, *, but: frozenset[str] = frozenset()) -> Iterator[Try]:
        """Everybody's honest logins from home, by time."""
        return merge(
            *(self.day_of(account) for account in self.homes if account not in but), key=lambda each: each.time
        )

    def day_of(self, account: str, *, every: float = HOUR) -> list[Try]:
        """Of one person: a login about once an hour with the right password."""
        times = self.about(every)
        return [Try(time, self.homes[account], account, self.passwords[account]) for time in times]

    def about(self, every: float, *, begin: float = 0.0, end: float | None = None) -> list[float]:
        """Moments some `every` seconds apart, never quite even."""
        last = self.hours * HOUR if end is None else end
        times, time = [], begin + self.chance.random() * every
        while time < last:
            times.append(time)
            time += every * self.chance.uniform(0.8, 1.2)
        return times

    def anywhere(self) -> IPv4Address:
        """An address of the wide world."""
        while True:
            address = IPv4Address(self.chance.getrandbits(32))
            if address.is_global and not address.is_multicast:
                return address

    def story(
        self,
        name: str,
        told: str,
        *streams: Iterable[Try],
        changes: tuple[Change, ...] = (),
        proxies: tuple[IPv4Address, ...] = (),
    ) -> Story:
        tries = sorted((each for stream in streams for each in stream), key=lambda each: each.time)
        before = tuple(self.homes.items())
        return Story(name, told, dict(self.passwords), before, tuple(tries), changes, proxies)
