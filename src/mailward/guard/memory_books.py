"""The guard's two books, kept nowhere: for a policy that is tried out on what happened before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mailward.guard.ports import GUARD, Banned

MOST_PAIRS = 500_000


class Line(NamedTuple):
    """Implements `mailward.guard.ports.Banned`."""

    until: float
    by: str = GUARD
    lifted: bool = False


class MemoryBans:
    """Implements `mailward.guard.ports.BanBook`. `added`: how many bans there were."""

    def __init__(self) -> None:
        self.added = 0
        self._until: dict[str, float] = {}

    def found(self, subjects: Sequence[str]) -> Mapping[str, Banned]:
        return {subject: Line(self._until[subject]) for subject in subjects if subject in self._until}

    def add(self, subject: str, *, reason: str, added: float, until: float, times: int) -> None:  # noqa: ARG002
        self.added += 1
        self._until[subject] = until

    def settled(self, subject: str) -> None:
        """Nobody lifts a ban here."""

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        for subject in [subject for subject, until in self._until.items() if until <= now]:
            del self._until[subject]
            tell(subject)


class MemoryKnown:
    """Implements `mailward.guard.ports.KnownSources`; beyond `most` pairs the one seen longest ago is forgotten."""

    def __init__(self, most: int = MOST_PAIRS) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._accounts: dict[str, set[str]] = {}

    def knows(self, account: str, source: str, *, since: float) -> bool:
        return self._seen.get((account, source), since - 1) >= since

    def known_accounts(self, source: str, *, since: float) -> int:
        return sum(self._seen[account, source] >= since for account in self._accounts.get(source, ()))

    def saw(self, account: str, source: str, *, now: float) -> None:
        self._seen[account, source] = now
        self._seen.move_to_end((account, source))
        self._accounts.setdefault(source, set()).add(account)
        if len(self._seen) > self._most:
            self.forget(*next(iter(self._seen)))

    def forget(self, account: str, source: str) -> None:
        if self._seen.pop((account, source), None) is not None:
            accounts = self._accounts[source]
            accounts.discard(account)
            if not accounts:
                del self._accounts[source]

    def expire(self, *, before: float) -> None:
        while self._seen:
            pair, seen = next(iter(self._seen.items()))
            if seen >= before:
                return
            self.forget(*pair)
