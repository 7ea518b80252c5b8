"""What is left of the guesses of a source, of its networks and of an account; all within the state's lock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from mailward.events import Reason
from mailward.guard.charge import ACCOUNT_FAILURES, OPERATOR, RING, SOURCE_FAILURES, SPRAYING, Case, Charge, ring_score
from mailward.guard.ledger import Entry, Kind, Ledger
from mailward.guard.ports import OPERATOR as BY_OPERATOR
from mailward.guard.ports import Banned, KnownSources
from mailward.guard.score import Score
from mailward.guard.settings import GuardSettings
from mailward.guard.standing import Standing
from mailward.guard.state import GuardState
from mailward.guard.verdict import Verdict

_TAGS = 1 << 16
Found = Mapping[str, Banned]


@dataclass(frozen=True, slots=True)
class Hold:
    """What one attempt holds until it ends: a guess of each score, and one in the account's ledger."""

    scores: tuple[tuple[str, int], ...]
    entry: Entry | None


class Budgets:
    """`refusal`, `hold` and `release` for the guard; `charges` says who pays for what."""

    def __init__(self, settings: GuardSettings, state: GuardState, known: KnownSources) -> None:
        self._settings = settings
        self._state = state
        self._known = known
        self._numbers = count()
        self._longest_ban = settings.longest_ban
        self._longest_closed = settings.account_window + 1

    def refusal(self, case: Case, found: Found, now: float) -> Verdict | None:
        """Why the password is not looked at, whatever it is; None: it may be, if a guess is left."""
        score = self._state.scores.of(case.source)
        refused = self._refused(case, score, found, now)
        if refused is None:
            return None
        reason, until, rule = refused
        row = score.strike(now, self._settings.window)
        if score.at:  # whoever meets a closed door without having guessed costs no record
            self._state.scores.keep(case.source, score, now)
        strong = case.allowed and rule != OPERATOR
        delay = self._settings.delay(row)
        return Verdict(refused=reason, until=until, allowed=case.allowed, delay=delay, strong=strong, rule=rule)

    def hold(self, case: Case, now: float) -> Hold | None:
        """Take one guess of everyone who pays for it, or, when one of them has none to spare, of nobody."""
        scores, window = self._state.scores, self._settings.window
        paying = []
        for charge in self.charges(case, now):
            score = scores.of(charge.score)
            if score.count(now, window) + score.held(now) >= charge.budget:
                return None
            paying.append((charge.score, score))
        entry = None
        if case.account and not case.known:
            ledger = self.ledger(case, now)
            if ledger.used() >= self._settings.distinct_wrong_passwords_per_account:
                return None
            entry = Entry(int(now), next(self._numbers) % _TAGS, self.of_ledger(case), Kind.HELD)
            ledger.add(entry)
            self.keep(case, ledger, now)
        holds = tuple((name, score.hold(now)) for name, score in paying)
        for name, score in paying:
            scores.keep(name, score, now)
        return Hold(holds, entry)

    def release(self, case: Case, hold: Hold | None, now: float) -> None:
        """Give back what the attempt held, and keep nothing of those who did nothing wrong."""
        if hold is None:
            return
        for name, minute in hold.scores:
            score = self._state.scores.of(name)
            score.release(minute, now)
            self.settle(name, score, now)
        if hold.entry is not None:
            ledger = self.ledger(case, now)
            ledger.release(hold.entry)
            self.keep(case, ledger, now)

    def charges(self, case: Case, now: float) -> tuple[Charge, ...]:
        """A known source has guesses of its own on the account; a stranger uses up the source's and its networks'."""
        least = self._settings.source_failures
        if case.known:
            return (Charge(case.pair, least, SOURCE_FAILURES),)
        if case.spared:
            return ()
        extra = self.allowance(case, now)
        own = min(least, 1) + extra if self._state.spraying.active(now) else least + extra
        source = Charge(case.source, min(own, least + extra), SOURCE_FAILURES)
        return (source,) if extra else (source, *self._networks(case))

    def allowance(self, case: Case, now: float) -> int:
        """A source that several accounts log in from is shared by as many people: one failure more for each further
        one. It pays for itself and leaves its networks' budgets alone."""
        if not case.allowed:
            return 0
        accounts = self._known.known_accounts(case.source, since=now - self._settings.known_for)
        return min(self._settings.shared_most, max(0, accounts - 1))

    def strike(self, subject: str, now: float) -> int:
        """One more unsuccessful login of the row that `subject` is on."""
        score = self._state.scores.of(subject)
        row = score.strike(now, self._settings.window)
        self._state.scores.keep(subject, score, now)
        return row

    def step(self, case: Case, now: float) -> int:
        """How far up the ladder of delays the failures that count have come."""
        return self._state.scores.of(case.own).count(now, self._settings.window)

    def ledger(self, case: Case, now: float) -> Ledger:
        return self._state.ledgers.of(case.ledger, now=now, window=self._settings.account_window)

    def keep(self, case: Case, ledger: Ledger, now: float) -> None:
        self.keep_ledger(case.ledger, ledger, now)

    def keep_ledger(self, name: str, ledger: Ledger, now: float) -> None:
        budget = self._settings.distinct_wrong_passwords_per_account
        self._state.ledgers.keep(name, ledger, now=now, window=self._settings.account_window, budget=budget)

    def settle(self, name: str, score: Score, now: float) -> None:
        """Keep a score, or forget one that is clean."""
        if not score.clean(now, self._settings.window, self._settings.ban_remembered):
            self._state.scores.keep(name, score, now)
        elif score.at:
            self._state.scores.drop(name)

    def of_ledger(self, case: Case) -> int:
        """The source's mark in a ledger, 16 bits."""
        return self._state.hash(case.source) % _TAGS

    def standing(self, case: Case, found: Found, now: float) -> Iterator[Standing]:
        """Every rule, in the order it is asked."""
        for subject, line in found.items():
            if _in_force(line, now) and line.by == BY_OPERATOR:
                yield Standing(subject=subject, rule=OPERATOR, used=0, held=0, budget=0, until=line.until)
        known = case.known if case.account else None
        score = self._state.scores.of(case.source)
        refused = None if case.spared else self._source(case, score, found, now)
        budget = self._settings.source_failures + self.allowance(case, now)
        yield self._stands(case.source, SOURCE_FAILURES, score, now, budget=budget, refused=refused, known=known)
        if case.known:
            pair = self._state.scores.of(case.pair)
            least = self._settings.source_failures
            yield self._stands(case.pair, SOURCE_FAILURES, pair, now, budget=least, refused=None, known=known)
        if case.account:
            yield self._of_ledger(case.account, self.ledger(case, now), self._account(case, found, now), known)
        for charge in self._networks(case):
            refused = self._network(case, charge, now) if not case.spared else None
            ring = self._state.scores.of(charge.score)
            subject = charge.rule.removeprefix(RING)
            yield self._stands(subject, charge.rule, ring, now, budget=charge.budget, refused=refused, known=known)
        if self._state.spraying.active(now):
            refused = None if case.spared else self._mode(case, score, now)
            yield self._stands(case.source, SPRAYING, score, now, budget=1, refused=refused, known=known)

    def of_account(self, account: str, now: float) -> Iterator[Standing]:
        """The account alone, as sources it does not know find it."""
        if account:
            ledger = self._state.ledgers.of(account, now=now, window=self._settings.account_window)
            budget = self._settings.distinct_wrong_passwords_per_account
            until = ledger.free_at(self._settings.account_window, budget)
            refused = (Reason.LOCKED, until, ACCOUNT_FAILURES) if until else None
            yield self._of_ledger(account, ledger, refused, None)

    def _of_ledger(self, account: str, ledger: Ledger, refused: _Refused | None, known: bool | None) -> Standing:  # noqa: FBT001
        return Standing(
            subject=account,
            rule=ACCOUNT_FAILURES,
            used=len(ledger.counted()),
            held=ledger.held(),
            budget=self._settings.distinct_wrong_passwords_per_account,
            until=refused[1] if refused else None,
            known=known,
        )

    def _stands(
        self,
        subject: str,
        rule: str,
        score: Score,
        now: float,
        *,
        budget: int,
        refused: _Refused | None,
        known: bool | None,
    ) -> Standing:
        return Standing(
            subject=subject,
            rule=rule,
            used=score.count(now, self._settings.window),
            held=score.held(now),
            budget=budget,
            until=refused[1] if refused else None,
            times=score.offences,
            known=known,
        )

    def _refused(self, case: Case, score: Score, found: Found, now: float) -> _Refused | None:
        for subject, line in found.items():
            if line.by == BY_OPERATOR and _in_force(line, now):
                return (Reason.LOCKED if subject == case.account else Reason.BANNED), line.until, OPERATOR
        if case.known:
            return None
        if case.spared:
            return self._account(case, found, now)
        refused = self._source(case, score, found, now) or self._account(case, found, now)
        if refused is not None:
            return refused
        for charge in self._networks(case):
            refused = self._network(case, charge, now)
            if refused is not None:
                return refused
        return self._mode(case, score, now)

    def _source(self, case: Case, score: Score, found: Found, now: float) -> _Refused | None:
        line = found.get(case.source)
        longest = now + self._longest_ban
        if score.banned > now:
            if score.banned > longest + 1:  # the clock was put back
                score.banned = math.ceil(longest)
            return Reason.BANNED, float(score.banned), SOURCE_FAILURES
        if line is not None and _guards(line, now) and line.until <= longest:
            return Reason.BANNED, line.until, SOURCE_FAILURES  # the state was lost, the book was not
        window, budget = self._settings.window, self._settings.source_failures
        if score.count(now, window) >= budget:
            budget += self.allowance(case, now)  # it may have been more when the failures were counted
            if score.count(now, window) >= budget:
                return Reason.BANNED, score.free_at(now, window, budget), SOURCE_FAILURES
        return None

    def _account(self, case: Case, found: Found, now: float) -> _Refused | None:
        if not case.account:
            return None
        until, longest = self._state.ledgers.closed_until(case.ledger), now + self._longest_closed
        if until is not None and until > longest:  # the clock was put back
            self.keep(case, self.ledger(case, now), now)
            until = self._state.ledgers.closed_until(case.ledger)
        line = found.get(case.account)
        if until is None and case.allowed and line is not None and _guards(line, now) and line.until <= longest:
            until = line.until  # the state was lost, the book was not
        return (Reason.LOCKED, until, ACCOUNT_FAILURES) if until is not None and until > now else None

    def _networks(self, case: Case) -> Iterator[Charge]:
        for network, factor in zip(case.networks, self._settings.ring_factors, strict=True):
            yield Charge(ring_score(case, network), self._settings.source_failures * factor, RING + network[3:])

    def _network(self, case: Case, charge: Charge, now: float) -> _Refused | None:
        window = self._settings.window
        score = self._state.scores.of(charge.score)
        if score.count(now, window) < charge.budget or self.allowance(case, now):
            return None
        return Reason.NETWORK, score.free_at(now, window, charge.budget), charge.rule

    def _mode(self, case: Case, score: Score, now: float) -> _Refused | None:
        window = self._settings.window
        if not self._state.spraying.active(now) or not score.count(now, window):
            return None
        budget = 1 + self.allowance(case, now)
        if score.count(now, window) < budget:
            return None
        return Reason.BANNED, score.free_at(now, window, budget), SPRAYING


_Refused = tuple[Reason, float, str]


def _in_force(line: Banned, now: float) -> bool:
    return line.until > now and not line.lifted


def _guards(line: Banned, now: float) -> bool:
    return line.by != BY_OPERATOR and _in_force(line, now)
