"""The guard's world in memory: a clock that stands still, books without a disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from mailward.events import Reason
from mailward.guard.allowlist import Networks
from mailward.guard.guard import Guard
from mailward.guard.ports import GUARD, Banned, KnownSources
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source, canonical_source
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt, Failure
from mailward.secret import Secret

EVERYONE = ("0.0.0.0/0", "::/0")
START = 1_800_000_000.0


def keys(seed: int = 1) -> Callable[[int], bytes]:
    """Octets that are the same in each run."""
    return random.Random(seed).randbytes


@dataclass
class AllowRule:
    """Who may log in, at every listener."""

    networks: Networks

    def allows(self, source: Source, listener: str) -> bool:
        return source in self.networks


class Line(NamedTuple):
    """Of the book of bans."""

    until: float
    by: str
    lifted: bool = False


@dataclass
class MemoryBans:
    bans: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)  # the operator's, and lifted ones

    def found(self, subjects: Sequence[str]) -> Mapping[str, Banned]:
        guards: dict[str, Banned] = {
            subject: Line(self.bans[subject], GUARD) for subject in subjects if subject in self.bans
        }
        return guards | {subject: self.lines[subject] for subject in subjects if subject in self.lines}

    def add(self, subject: str, *, reason: str, added: float, until: float, times: int) -> None:
        assert added < until
        assert reason
        self.bans[subject] = until
        self.times[subject] = times

    def lift(self, subject: str) -> None:
        self.lines[subject] = Line(self.bans.pop(subject), GUARD, lifted=True)

    def settled(self, subject: str) -> None:
        del self.lines[subject]

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        for subject in [subject for subject, until in self.bans.items() if until <= now]:
            del self.bans[subject]
            tell(subject)


@dataclass
class MemoryKnown:
    pairs: dict[tuple[str, str], float] = field(default_factory=dict)

    def knows(self, account: str, source: str, *, since: float) -> bool:
        return self.pairs.get((account, source), since - 1) >= since

    def known_accounts(self, source: str, *, since: float) -> int:
        return sum(where == source and seen >= since for (_, where), seen in self.pairs.items())

    def saw(self, account: str, source: str, *, now: float) -> None:
        self.pairs[account, source] = now

    def forget(self, account: str, source: str) -> None:
        self.pairs.pop((account, source), None)

    def expire(self, *, before: float) -> None:
        self.pairs = {pair: seen for pair, seen in self.pairs.items() if seen >= before}


class World:
    """A guard, what it stands on, and short words for what people do to it."""

    def __init__(
        self,
        *,
        allow: tuple[str, ...] = EVERYONE,
        settings: GuardSettings | None = None,
        never_ban: tuple[str, ...] = (),
        state: GuardState | None = None,
        known: KnownSources | None = None,
    ) -> None:
        self.clock = START
        self.bans = MemoryBans()
        self.known = MemoryKnown()
        self.settings = settings or GuardSettings()
        self.state = state or GuardState.in_memory(sources=4096, accounts=1024, key_source=keys())
        self.guard = Guard(
            self.settings,
            AllowRule(Networks.parse(allow)),
            state=self.state,
            bans=self.bans,
            known=known or self.known,
            now=lambda: self.clock,
            never_ban=Networks.parse(never_ban),
        )
        self._sessions = 0
        self._guesses = count()

    def attempt(self, source: str = "192.0.2.7", account: str = "ann@example.test") -> Attempt:
        self._sessions += 1
        return Attempt(canonical_source(source), account, "PLAIN", "127.0.0.1:5465", f"s{self._sessions}")

    def guess(
        self,
        password: str,
        source: str = "192.0.2.7",
        account: str = "ann@example.test",
        reason: Reason = Reason.BAD_PASSWORD,
    ) -> Failure | Reason:
        """One whole failed login: how it ended, or why it was not even heard."""
        attempt = self.attempt(source, account)
        verdict = self.guard.judge(attempt)
        if verdict.refused is not None:
            return verdict.refused
        return self.guard.failed(attempt, Secret(password), reason if verdict.allowed else Reason.NOT_ALLOWED)

    def guesses(self, number: int, source: str = "192.0.2.7", account: str = "ann@example.test") -> int:
        """So many different passwords one after the other; how many were checked."""
        ends = [self.guess(f"guess {next(self._guesses)}", source, account) for _ in range(number)]
        return sum(isinstance(end, Failure) for end in ends)

    def login(self, source: str = "192.0.2.7", account: str = "ann@example.test") -> bool:
        """One login with the right password; whether it was let through."""
        attempt = self.attempt(source, account)
        verdict = self.guard.judge(attempt)
        if verdict.refused is not None or not verdict.allowed:
            self.guard.abandoned(attempt)
            return False
        self.guard.succeeded(attempt)
        return True
