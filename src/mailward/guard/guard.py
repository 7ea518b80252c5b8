"""Judge each login before its password is looked at, and learn from how it ended (the rules: `mailward.guard`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from mailward.events import BanAdded, BanRemoved, Reason
from mailward.guard.allowlist import Networks
from mailward.guard.charge import ACCOUNT_FAILURES, SOURCE_FAILURES, Case, Charge
from mailward.guard.ports import BanBook, KnownSources
from mailward.guard.settings import GuardSettings
from mailward.guard.source import ring
from mailward.guard.tags import WrongPasswords
from mailward.guard.tally import Tallies
from mailward.guard.verdict import Attempt, Failure, Verdict
from mailward.secret import Secret

_GUESSES = frozenset({Reason.BAD_PASSWORD, Reason.UNKNOWN_ACCOUNT, Reason.NOT_ALLOWED})
_SLIPS = 3  # exchanges in a row that may come to nothing before they count
_AGAIN = 0.05  # seconds: two or three hashes


class Guard:
    """All methods belong to one thread. Every attempt that `judge` lets through holds a guess until it ends, in
    exactly one of `failed`, `succeeded` and `abandoned`.

    now: Unix seconds, for bans. monotonic: seconds, for windows. key: random, of this process.
    """

    def __init__(
        self,
        settings: GuardSettings,
        allowlist: Networks,
        *,
        bans: BanBook,
        known: KnownSources,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        key: bytes,
    ) -> None:
        self._settings = settings
        self._allowlist = allowlist
        self._bans = bans
        self._known = known
        self._now = now
        self._monotonic = monotonic
        self._sources = Tallies(settings.tracked_sources)
        self._accounts = Tallies(settings.tracked_sources)
        self._wrong = WrongPasswords(key, limit=settings.tracked_sources)
        self._open: dict[Attempt, tuple[Case, tuple[Charge, ...]]] = {}

    def judge(self, attempt: Attempt) -> Verdict:
        """Whether to look at the password. StoreError when the bans cannot be read: then nobody logs in."""
        self.abandoned(attempt)
        case = self._case(attempt)
        refusal = None if case.known else self._refusal(case)
        if refusal is not None:
            return refusal
        charges = self._charges(case)
        if any(charge.full(self._window()) for charge in charges):
            return Verdict(refused=Reason.BUSY, allowed=case.allowed, again=_AGAIN)
        for charge in charges:
            charge.tally.in_flight += 1
        self._open[attempt] = case, charges
        return Verdict(allowed=case.allowed)

    def failed(self, attempt: Attempt, password: Secret | None, reason: Reason) -> Failure:
        """The login failed. password: the wrong one, None where the mechanism hides it (then each try counts).

        An exchange that broke off before there was a password to judge is answered late, and after a few in a row
        each uses up a guess of its source: never one of the account, which anybody can name.
        """
        case, charges = self._close(attempt)
        row = self._strike(case)
        if password is None and reason not in _GUESSES:
            return Failure(delay=self._settings.delay(row), repeated=False, events=tuple(self._slip(case)))
        repeated = password is not None and case.account != "" and self._wrong.heard(case.account_key, password)
        if not repeated:
            for charge in charges:
                charge.tally.add(self._monotonic(), charge.against)
        step = max(row, *(charge.tally.count(self._window()) for charge in charges))
        events = tuple(self._ban_the_spent(case, charges))
        return Failure(delay=self._settings.delay(step), repeated=repeated, events=events)

    def succeeded(self, attempt: Attempt) -> None:
        """The login succeeded: the source is known to the account, and what it failed there is forgotten.

        What it failed on other accounts is not, or one's own account would buy guesses at all the others.
        """
        case, _ = self._close(attempt)
        if not case.allowed:
            raise ValueError("a login from outside the allowlist must end in failed(…, Reason.NOT_ALLOWED)")
        self._sources.forgive(case.pair_key, case.account)
        self._sources.forgive(case.source, case.account)
        self._accounts.forgive(case.account_key, case.source)
        self._known.saw(attempt.account, case.source, now=self._now())

    def abandoned(self, attempt: Attempt) -> None:
        """Never judged, and not for the client's fault: the guess it held is free again."""
        if attempt in self._open:
            case, _ = self._close(attempt)
            self._drop_clean(case)

    def sweep(self, tell: Callable[[BanRemoved], None]) -> None:
        """Once every few seconds: `tell` hears of each ban that ended, once, perhaps after this returns."""
        now = self._now()
        time = datetime.fromtimestamp(now, UTC)
        self._bans.expire(now, lambda subject: tell(BanRemoved(time=time, subject=subject, reason="expired")))
        self._known.expire(before=now - self._settings.known_for)

    def _case(self, attempt: Attempt) -> Case:
        allowed = attempt.source in self._allowlist
        source = ring(attempt.source)
        since = self._now() - self._settings.known_for
        known = allowed and attempt.account != "" and self._known.knows(attempt.account, source, since=since)
        return Case(attempt, allowed, known, source)

    def _refusal(self, case: Case) -> Verdict | None:
        now = self._now()
        for subject, reason in ((case.source, Reason.BANNED), (case.account, Reason.LOCKED)):
            until = self._bans.until(subject) if subject else None
            if subject == case.account and not case.allowed:
                until = max(until or 0.0, self._accounts.closed_until(case.account_key))
            if until is not None and until > now:
                delay = self._settings.delay(self._strike(case))
                return Verdict(refused=reason, until=until, allowed=case.allowed, delay=delay)
        return None

    def _charges(self, case: Case) -> tuple[Charge, ...]:
        """A known source has guesses of its own on the account; a stranger uses up the source's and the account's."""
        settings = self._settings
        key = case.pair_key if case.known else case.source
        tally = self._sources.of(key)
        source = Charge(tally, case.account, settings.source_failures, case.source, SOURCE_FAILURES)
        if case.known or not case.account:
            return (source,)
        tally = self._accounts.of(case.account_key)
        return source, Charge(tally, case.source, settings.account_failures, case.account, ACCOUNT_FAILURES)

    def _close(self, attempt: Attempt) -> tuple[Case, tuple[Charge, ...]]:
        opened = self._open.pop(attempt, None)
        if opened is None:
            case = self._case(attempt)
            return case, self._charges(case)
        for charge in opened[1]:
            charge.tally.in_flight -= 1
        return opened

    def _slip(self, case: Case) -> Iterator[BanAdded]:
        """An exchange that came to nothing. It says nothing about who is known where, so it changes nothing there."""
        tally = self._sources.of(case.source)
        tally.slips += 1
        self._drop_clean(case)
        if tally.slips <= _SLIPS or (self._bans.until(case.source) or 0.0) > self._now():
            return
        tally.add(self._monotonic(), case.account)
        charge = Charge(tally, case.account, self._settings.source_failures, case.source, SOURCE_FAILURES)
        yield from self._ban_the_spent(replace(case, known=False), (charge,))

    def _drop_clean(self, case: Case) -> None:
        self._sources.drop_if_clean(case.pair_key)
        self._sources.drop_if_clean(case.source)
        self._accounts.drop_if_clean(case.account_key)

    def _ban_the_spent(self, case: Case, charges: tuple[Charge, ...]) -> Iterator[BanAdded]:
        now = self._now()
        until = now + self._settings.ban
        for charge in charges:
            if charge.tally.count(self._window()) < charge.budget:
                continue
            charge.tally.failures = ()  # the ban answers for these; after it the budget is whole
            if charge.subject == case.account and not case.allowed:
                charge.tally.closed_until = until
                continue
            if case.known:
                self._known.forget(case.attempt.account, case.source)
            self._bans.add(charge.subject, reason=charge.reason, added=now, until=until)
            yield _ban_added(case.attempt, charge, now, until)

    def _strike(self, case: Case) -> int:
        return self._sources.of(case.source).strike(self._monotonic(), self._window())

    def _window(self) -> float:
        return self._monotonic() - self._settings.window


def _ban_added(attempt: Attempt, charge: Charge, now: float, until: float) -> BanAdded:
    return BanAdded(
        time=datetime.fromtimestamp(now, UTC),
        source=str(attempt.source),
        account=attempt.account or None,
        mechanism=attempt.mechanism,
        reason=charge.reason,
        listener=attempt.listener,
        session=attempt.session,
        subject=charge.subject,
        until=until,
    )
