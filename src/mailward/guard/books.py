"""What is written down after a login: failures, bans, forgiveness; all within the state's lock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from mailward.events import BanAdded, GuardMode, Reason
from mailward.guard.budgets import Budgets, Found
from mailward.guard.charge import ACCOUNT_FAILURES, SOURCE_FAILURES, SPRAYING, Case
from mailward.guard.ledger import Entry, Kind, Ledger
from mailward.guard.ports import BanBook, KnownSources
from mailward.guard.score import Score
from mailward.guard.settings import GuardSettings
from mailward.guard.state import GuardState
from mailward.guard.tags import Tags

_SLIPS = 3  # exchanges in a row that may come to nothing before they count
_NOBODYS = frozenset({Reason.UNKNOWN_ACCOUNT, Reason.NOT_ALLOWED, Reason.SPRAYED, Reason.BAD_EXCHANGE})


class Books:
    """The state, and the operator's view of it: the book of bans."""

    def __init__(
        self,
        settings: GuardSettings,
        state: GuardState,
        budgets: Budgets,
        *,
        bans: BanBook,
        known: KnownSources,
        chance: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._state = state
        self._budgets = budgets
        self._bans = bans
        self._known = known
        self._chance = chance

    def write(
        self, case: Case, ledger: Ledger, *, tags: Tags | None, reason: Reason, now: float
    ) -> Iterator[BanAdded | GuardMode]:
        """A guess that counts: on its source and the networks around it, and, a stranger's, on the account."""
        for charge in self._budgets.charges(case, now):
            score = self._state.scores.of(charge.score)
            score.add(now, self._settings.window)
            if charge.rule == SOURCE_FAILURES and score.count(now, self._settings.window) >= self._most(case, now):
                yield from self._spent(case, score, now)
            self._state.scores.keep(charge.score, score, now)
        if not case.account:
            return
        ledger.exists = ledger.exists or reason not in _NOBODYS
        if case.known or reason is Reason.SPRAYED:
            self.remember(case, ledger, tags, now)
        else:
            yield from self._count(case, ledger, tags, now)
        if not case.known and case.allowed:
            yield from self._watch_site(case, tags, now)

    def remember(self, case: Case, ledger: Ledger, tags: Tags | None, now: float) -> None:
        """A wrong password that does not count here: it will not count when it comes again, either."""
        if tags is None:
            return
        tag = tags.account[tags.day]
        heard = [entry for entry in ledger.entries if entry.kind == Kind.HEARD and entry.tag == tag]
        for entry in heard:
            ledger.release(entry)
        if heard or not any(ledger.heard(each, day) for day, each in enumerate(tags.account)):
            ledger.add(Entry(math.ceil(now), tag, self._budgets.of_ledger(case), Kind.HEARD, tags.day))
        self._budgets.keep(case, ledger, now)

    def slip(self, case: Case, now: float) -> Iterator[BanAdded]:
        """An exchange that came to nothing. It says nothing about who is known where, so it changes nothing there."""
        score = self._state.scores.of(case.source)
        if score.slip() > _SLIPS and not case.spared and score.banned <= now:
            score.add(now, self._settings.window)
            budget = self._settings.source_failures + self._budgets.allowance(case, now)
            if score.count(now, self._settings.window) >= budget:
                yield self._ban(case, score, now)
        self._state.scores.keep(case.source, score, now)

    def forgive(self, case: Case, now: float) -> None:
        """The account's own user: what this source failed there was a slip of the finger."""
        scores = self._state.scores
        ledger = self._budgets.ledger(case, now)
        forgiven = ledger.forgive(self._budgets.of_ledger(case))
        if ledger.at:
            ledger.exists = True
            self._budgets.keep(case, ledger, now)
        scores.drop(case.pair)
        shared = bool(self._budgets.allowance(case, now))
        for subject in (case.source,) if shared else (case.source, *case.networks):
            score = scores.of(subject)
            for entry in forgiven:
                score.take_back(entry.time, self._settings.window)
            if not score.count(now, self._settings.window):
                score.strikes = score.slips = 0
            self._budgets.settle(subject, score, now)

    def heed_lifted(self, case: Case, found: Found, now: float) -> None:
        """What the operator has taken out of the book is over, with a whole budget."""
        for subject, line in found.items():
            if not line.lifted:
                continue
            if subject == case.account:
                ledger = self._state.ledgers.of(subject, now=now, window=self._settings.account_window)
                ledger.clear()
                self._budgets.keep_ledger(subject, ledger, now)
            else:
                self._state.scores.drop(subject)
            self._bans.settled(subject)

    def _most(self, case: Case, now: float) -> int:
        """Failures that end in a ban; in the spraying mode a source is refused earlier, but not banned."""
        least = self._settings.source_failures
        return least if case.known else least + self._budgets.allowance(case, now)

    def _spent(self, case: Case, score: Score, now: float) -> Iterator[BanAdded]:
        """A source that has used up its guesses is refused; a known one is a stranger again first."""
        if not case.known:
            yield self._ban(case, score, now)
            return
        score.clear()
        extra = self._budgets.allowance(case, now)
        self._known.forget(case.attempt.account, case.source)
        if case.spared:
            return
        source = self._state.scores.of(case.source)
        source.add(now, self._settings.window, self._settings.source_failures)
        if source.count(now, self._settings.window) >= self._settings.source_failures + extra:
            yield self._ban(case, source, now)
        self._state.scores.keep(case.source, source, now)

    def _ban(self, case: Case, score: Score, now: float) -> BanAdded:
        times = score.offend(now, self._settings.ban_remembered)
        until = now + self._settings.ban_for(times, self._chance())
        score.clear()  # the ban answers for these; after it the budget is whole
        score.banned = math.ceil(until)
        self._bans.add(case.source, reason=SOURCE_FAILURES, added=now, until=until, times=times)
        return BanAdded(**_told(case, SOURCE_FAILURES, now), subject=case.source, until=until)

    def _count(self, case: Case, ledger: Ledger, tags: Tags | None, now: float) -> Iterator[BanAdded]:
        mark = self._budgets.of_ledger(case)
        time = math.ceil(now)  # a second too long rather than too short
        if tags is None:
            ledger.add(Entry(time, 0, mark, Kind.HIDDEN))
        else:
            ledger.add(Entry(time, tags.account[tags.day], mark, Kind.COUNTED, tags.day))
        self._budgets.keep(case, ledger, now)
        budget = self._settings.distinct_wrong_passwords_per_account
        until = ledger.free_at(self._settings.account_window, budget)
        if until and case.allowed:
            self._bans.add(case.account, reason=ACCOUNT_FAILURES, added=now, until=until, times=1)
            yield BanAdded(**_told(case, ACCOUNT_FAILURES, now), subject=case.account, until=until)

    def _watch_site(self, case: Case, tags: Tags | None, now: float) -> Iterator[GuardMode]:
        spraying = self._state.spraying
        if tags is not None:
            spraying.heard(tags.site[tags.day], tags.day)
        accounts = spraying.guessed(self._state.hash(case.account), now)
        if accounts >= self._settings.spraying_accounts and spraying.begin(now, self._settings.spraying_for):
            yield GuardMode(**_told(case, "many-accounts", now), mode=SPRAYING, on=True)


def _told(case: Case, reason: str, now: float) -> dict[str, Any]:
    attempt = case.attempt
    return {
        "time": datetime.fromtimestamp(now, UTC),
        "source": str(attempt.source),
        "account": attempt.account or None,
        "mechanism": attempt.mechanism,
        "reason": reason,
        "listener": attempt.listener,
        "session": attempt.session,
    }
