"""What stands between a try and the check of its password: our guard, and what is usual elsewhere."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Protocol

from benchmarks.attacks.story import MINUTE, Story, Try
from mailward.events import Reason
from mailward.guard.allowlist import Networks
from mailward.guard.guard import Guard
from mailward.guard.memory_books import MemoryBans, MemoryKnown
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source, ring
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt
from mailward.secret import Secret

EPOCH = 1_800_000_000.0


class Defence(Protocol):
    """`meet`: whether the password of this try was looked at; right says what a look would find."""

    name: str

    def meet(self, each: Try, *, right: bool) -> bool: ...

    def known(self, account: str, source: Source) -> bool:
        """Whether the account has logged in from there, as far as the simulation is concerned."""


class Unguarded:
    """Every password is checked."""

    name = "no guard"

    def __init__(self, story: Story) -> None:
        self._pairs = {(account, ring(source)) for account, source in story.before}

    def known(self, account: str, source: Source) -> bool:
        return (account, ring(source)) in self._pairs

    def meet(self, each: Try, *, right: bool) -> bool:
        if right:
            self._pairs.add((each.account, ring(each.source)))
        return True


class Fail2ban(Unguarded):
    """fail2ban as it comes (jail.conf of 1.0: maxretry 5, findtime 10 min, bantime 10 min), one log line a failure."""

    name = "fail2ban's defaults"

    def __init__(self, story: Story) -> None:
        super().__init__(story)
        self._failures: dict[Source, deque[float]] = defaultdict(deque)
        self._until: dict[Source, float] = {}

    def meet(self, each: Try, *, right: bool) -> bool:
        if self._until.get(each.source, 0.0) > each.time:
            return False
        super().meet(each, right=right)
        if not right:
            failures = self._failures[each.source]
            failures.append(each.time)
            while failures[0] <= each.time - 10 * MINUTE:
                failures.popleft()
            if len(failures) >= 5:
                self._until[each.source] = each.time + 10 * MINUTE
                failures.clear()
        return True


class Lock(Unguarded):
    """Ten failures on an account in 15 minutes lock it for 15 minutes; a success begins anew."""

    name = "lock after 10"

    def __init__(self, story: Story) -> None:
        super().__init__(story)
        self._failures: dict[str, deque[float]] = defaultdict(deque)
        self._until: dict[str, float] = {}

    def meet(self, each: Try, *, right: bool) -> bool:
        if self._until.get(each.account, 0.0) > each.time:
            return False
        super().meet(each, right=right)
        failures = self._failures[each.account]
        if right:
            failures.clear()
            return True
        failures.append(each.time)
        while failures[0] <= each.time - 15 * MINUTE:
            failures.popleft()
        if len(failures) >= 10:
            self._until[each.account] = each.time + 15 * MINUTE
            failures.clear()
        return True


class _Everyone:
    def allows(self, source: Source, listener: str) -> bool:  # noqa: ARG002
        return True


class Mailward:
    """Our guard with its defaults, all of it, at a clock of the simulation's."""

    name = "Mailward"

    def __init__(self, story: Story) -> None:
        self._time = 0.0
        self._known = MemoryKnown()
        for account, source in story.before:
            self._known.saw(account, ring(source), now=EPOCH - 60)
        settings = GuardSettings()
        self._accounts = set(story.passwords)
        self._guard = Guard(
            settings,
            _Everyone(),
            state=GuardState.in_memory(
                sources=settings.tracked_sources,
                accounts=settings.tracked_accounts,
                key_source=random.Random(1).randbytes,
            ),
            bans=MemoryBans(),
            known=self._known,
            now=lambda: EPOCH + self._time,
            never_ban=Networks.parse(map(str, story.proxies)),
        )
        self._session = 0

    def known(self, account: str, source: Source) -> bool:
        return self._known.knows(account, ring(source), since=0.0)

    def meet(self, each: Try, *, right: bool) -> bool:
        self._time = each.time
        self._session += 1
        if self._session % 100 == 0:
            self._guard.sweep(lambda _event: None)
        attempt = Attempt(each.source, each.account, "PLAIN", "simulated", str(self._session))
        if self._guard.judge(attempt).refused is not None:
            return False
        password = Secret(each.password)
        if self._guard.sprayed(attempt, password):
            self._guard.failed(attempt, password, Reason.SPRAYED)
            return False
        if right:
            self._guard.succeeded(attempt)
        else:
            exists = each.account in self._accounts
            self._guard.failed(attempt, password, Reason.BAD_PASSWORD if exists else Reason.UNKNOWN_ACCOUNT)
        return True


DEFENCES: tuple[Callable[[Story], Defence], ...] = (Mailward, Fail2ban, Lock, Unguarded)
