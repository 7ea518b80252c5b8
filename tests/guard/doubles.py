"""The guard's world in memory: a clock that stands still, books without a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from mailward.events import Reason
from mailward.guard.allowlist import Networks
from mailward.guard.guard import Guard
from mailward.guard.settings import GuardSettings
from mailward.guard.source import canonical_source
from mailward.guard.verdict import Attempt, Failure
from mailward.secret import Secret

EVERYONE = ("0.0.0.0/0", "::/0")
START = 1_800_000_000.0


@dataclass
class MemoryBans:
    bans: dict[str, float] = field(default_factory=dict)

    def until(self, subject: str) -> float | None:
        return self.bans.get(subject)

    def add(self, subject: str, *, reason: str, added: float, until: float) -> None:
        assert added < until
        assert reason
        self.bans[subject] = until

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        for subject in [subject for subject, until in self.bans.items() if until <= now]:
            del self.bans[subject]
            tell(subject)


@dataclass
class MemoryKnown:
    pairs: dict[tuple[str, str], float] = field(default_factory=dict)

    def knows(self, account: str, source: str, *, since: float) -> bool:
        return self.pairs.get((account, source), since - 1) >= since

    def saw(self, account: str, source: str, *, now: float) -> None:
        self.pairs[account, source] = now

    def forget(self, account: str, source: str) -> None:
        self.pairs.pop((account, source), None)

    def expire(self, *, before: float) -> None:
        self.pairs = {pair: seen for pair, seen in self.pairs.items() if seen >= before}


class World:
    """A guard, what it stands on, and short words for what people do to it."""

    def __init__(self, *, allow: tuple[str, ...] = EVERYONE, settings: GuardSettings | None = None) -> None:
        self.clock = START
        self.bans = MemoryBans()
        self.known = MemoryKnown()
        self.settings = settings or GuardSettings()
        self.guard = Guard(
            self.settings,
            Networks.parse(allow),
            bans=self.bans,
            known=self.known,
            now=lambda: self.clock,
            monotonic=lambda: self.clock - START,
            key=b"k" * 32,
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
