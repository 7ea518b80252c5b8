"""The guard's policy over logins that were recorded, at their own times: who would have been refused.

Passwords are not recorded. A failure that was recorded as the same password again is that here too; every other one,
and every login that was refused unlooked at, is taken for a new wrong password. So the password of a spray is not
recognised, and a right password that was refused counts as a guess.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mailward.errors import InputError
from mailward.events import LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.guard.guard import Guard
from mailward.guard.memory_books import MemoryBans, MemoryKnown
from mailward.guard.ports import AccessRule, Sources
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source, canonical_source
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt

Recorded: TypeAlias = LoginSucceeded | LoginFailed | LoginRefused

_DAY = 86_400.0
_SWEEP = 300.0  # seconds of the record
_MOST_NAMES = 100_000  # accounts, and sources, that are counted one by one
_MOST_SHOWN = 20
_LATE = 60.0
_OURS = frozenset({Reason.BUSY, Reason.EXPOSED, Reason.UNAVAILABLE})  # refused for no guess of anybody
_STRONG = ("app-password:", "token:", "certificate")
_LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Turned:
    """A login that succeeded when it was recorded, and would not have."""

    time: datetime
    account: str
    source: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """guesses: wrong passwords, repeated ones not counted; looked_at: those of them that would have been looked at.

    refused: logins that would have been refused, by rule; honest_refused: those of them that succeeded when recorded,
    the first are in `turned`. accounts, sources: who would have been refused most often. worst: the account with the
    most guesses looked at within 24 hours, from sources it did not know, and their number. bans: how many; spraying:
    how often that mode would have begun. late: events more than a minute older than one before. without_source: those
    that name no address. forgotten: accounts and sources beyond those that can be counted one by one.
    """

    events: int
    first: datetime | None
    last: datetime | None
    guesses: int
    looked_at: int
    repeated: int
    refused: dict[str, int]
    honest: int
    honest_refused: dict[str, int]
    turned: tuple[Turned, ...]
    accounts: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    worst: tuple[str, int] | None
    bans: int
    spraying: int
    late: int
    without_source: int
    forgotten: int


class Backtest:
    """`meet` each recorded login, about in the order of their times; `report` whenever you like.

    Nobody is known to any account when it begins. Memory is bounded, whatever the record holds.
    """

    def __init__(
        self,
        settings: GuardSettings,
        access: AccessRule,
        *,
        never_ban: Sources,
        key_source: Callable[[int], bytes],
    ) -> None:
        self._state = GuardState.in_memory(
            sources=settings.tracked_sources, accounts=settings.tracked_accounts, key_source=key_source
        )
        self._bans = MemoryBans()
        self._access = access
        self._now = 0.0
        self._guard = Guard(
            settings,
            access,
            state=self._state,
            bans=self._bans,
            known=MemoryKnown(),
            now=lambda: self._now,
            never_ban=never_ban,
        )
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._swept = 0.0
        self._count: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._honest_refused: Counter[str] = Counter()
        self._turned: list[Turned] = []
        self._accounts = Tally()
        self._sources = Tally()
        self._looked = Looked()
        self._mode = False

    def meet(self, event: Recorded) -> None:
        source = _source(event.source)
        if source is None:
            self._count["without_source"] += 1
            return
        if isinstance(event, LoginRefused) and event.reason in _OURS:
            return
        self._count["events"] += 1
        self._advance(event.time)
        attempt = self._attempt(event, source)
        verdict = self._guard.judge(attempt)
        rule = "" if verdict.refused is None else verdict.rule or "busy"
        if isinstance(event, LoginSucceeded):
            strong = (event.credential or "").startswith(_STRONG)
            overcome = rule != "" and verdict.strong and strong
            self._succeeded(event, attempt, "" if overcome else rule, strong=strong, allowed=verdict.allowed)
        elif rule:
            self._note_refused(event, rule)
            self._count["guesses"] += not _repeated(event)
        else:
            self._failed(event, attempt, known=verdict.known)

    def report(self) -> Report:
        count = self._count
        return Report(
            events=count["events"],
            first=self._first,
            last=self._last,
            guesses=count["guesses"],
            looked_at=count["looked_at"],
            repeated=count["repeated"],
            refused=dict(self._refused.most_common(_MOST_SHOWN)),
            honest=count["honest"],
            honest_refused=dict(self._honest_refused.most_common(_MOST_SHOWN)),
            turned=tuple(self._turned),
            accounts=self._accounts.most(_MOST_SHOWN),
            sources=self._sources.most(_MOST_SHOWN),
            worst=self._looked.worst,
            bans=self._bans.added,
            spraying=count["spraying"],
            late=count["late"],
            without_source=count["without_source"],
            forgotten=self._accounts.forgotten + self._sources.forgotten + self._looked.forgotten,
        )

    def _advance(self, time: datetime) -> None:
        """The clock never goes back: an event that comes late happens now."""
        moment = time.timestamp()
        self._first = time if self._first is None or time < self._first else self._first
        self._last = time if self._last is None or time > self._last else self._last
        self._count["late"] += moment < self._now - _LATE
        self._now = max(self._now, moment)
        if self._now - self._swept >= _SWEEP:
            self._swept = self._now
            self._guard.sweep(lambda _event: None)
        mode = self._state.spraying.active(self._now)
        self._count["spraying"] += mode and not self._mode
        self._mode = mode

    def _attempt(self, event: Recorded, source: Source) -> Attempt:
        barred = event.reason == Reason.NOT_ALLOWED and self._access.allows(source, event.listener or "")
        return Attempt(
            source, event.account or "", event.mechanism or "", event.listener or "", event.session or "", barred
        )

    def _succeeded(self, event: LoginSucceeded, attempt: Attempt, rule: str, *, strong: bool, allowed: bool) -> None:
        self._count["honest"] += 1
        rule = rule if allowed else _LISTS
        if not rule:
            self._guard.succeeded(attempt, strong=strong)
            return
        self._guard.abandoned(attempt)
        self._note_refused(event, rule)
        self._honest_refused[_kind(rule)] += 1
        if len(self._turned) < _MOST_SHOWN:
            self._turned.append(Turned(event.time, attempt.account, str(attempt.source), rule))

    def _failed(self, event: LoginFailed | LoginRefused, attempt: Attempt, *, known: bool) -> None:
        reason = Reason.BAD_PASSWORD if isinstance(event, LoginRefused) else _reason(event.reason)
        if _repeated(event) or reason is Reason.STALE:
            self._count["repeated"] += 1
            self._guard.failed(attempt, None, Reason.STALE)
            return
        if reason in _EMPTY:
            self._guard.failed(attempt, None, reason)
            return
        self._count["guesses"] += 1
        self._count["looked_at"] += 1
        self._guard.failed(attempt, None, reason, tag=str(self._count["guesses"]))
        if attempt.account and not known:
            self._looked.add(attempt.account, self._now)

    def _note_refused(self, event: Recorded, rule: str) -> None:
        self._refused[_kind(rule)] += 1
        self._sources.add(event.source or "")
        if event.account:
            self._accounts.add(event.account)


class Tally:
    """How often each of many names came; beyond a bound the one that came longest ago is forgotten."""

    def __init__(self, most: int = _MOST_NAMES) -> None:
        self._most = most
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self.forgotten = 0

    def add(self, name: str) -> None:
        self._numbers[name] = self._numbers.get(name, 0) + 1
        self._numbers.move_to_end(name)
        if len(self._numbers) > self._most:
            self._numbers.popitem(last=False)
            self.forgotten += 1

    def most(self, number: int) -> tuple[tuple[str, int], ...]:
        return tuple(Counter(self._numbers).most_common(number))


class Looked:
    """The most guesses on one account within 24 hours; of many accounts, those guessed at lately are followed."""

    def __init__(self, most: int = _MOST_NAMES) -> None:
        self._most = most
        self._times: OrderedDict[str, list[float]] = OrderedDict()
        self.worst: tuple[str, int] | None = None
        self.forgotten = 0

    def add(self, account: str, now: float) -> None:
        times = self._times.setdefault(account, [])
        self._times.move_to_end(account)
        times.append(now)
        del times[: max(bisect_right(times, now - _DAY), len(times) - _MOST_NAMES)]
        if self.worst is None or len(times) > self.worst[1]:
            self.worst = account, len(times)
        if len(self._times) > self._most:
            _, oldest = self._times.popitem(last=False)
            self.forgotten += oldest[-1] > now - _DAY


_EMPTY = frozenset(
    {Reason.BAD_EXCHANGE, Reason.CANCELLED, Reason.ABANDONED, Reason.PROVED_AND_LEFT, Reason.BAD_TOKEN, Reason.SCOPE}
)


def _repeated(event: Recorded) -> bool:
    return isinstance(event, LoginFailed) and event.repeated


def _kind(rule: str) -> str:
    """All rings of networks are one kind: there are too many of them."""
    return rule.partition(":")[0]


def _reason(text: str | None) -> Reason:
    try:
        return Reason(text or "")
    except ValueError:
        return Reason.BAD_PASSWORD


def _source(text: str | None) -> Source | None:
    try:
        return None if text is None else canonical_source(text)
    except InputError:
        return None
