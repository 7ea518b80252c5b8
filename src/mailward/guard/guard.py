"""Judge each login before its password is looked at, and learn from how it ended (the rules: `mailward.guard`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from mailward.events import BanRemoved, GuardMode, Reason
from mailward.guard.books import Books
from mailward.guard.budgets import Budgets, Found, Hold
from mailward.guard.charge import SPRAYING, Case
from mailward.guard.ports import AccessRule, BanBook, KnownSources, LookUp, Sources
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source, ring
from mailward.guard.standing import Standing
from mailward.guard.state import GuardState
from mailward.guard.tags import Heard, Tags
from mailward.guard.verdict import Attempt, Failure, Verdict
from mailward.secret import Secret

_GUESSES = frozenset({Reason.BAD_PASSWORD, Reason.UNKNOWN_ACCOUNT, Reason.NOT_ALLOWED, Reason.SPRAYED})
_AGAIN = 0.05  # seconds: two or three hashes


class Guard:
    """All methods belong to one thread; other processes may share `state`. Every attempt that `judge` lets through
    holds a guess until it ends, in exactly one of `failed`, `succeeded` and `abandoned`, or for a minute or two.

    never_ban: proxies and trusted networks, where many stand behind one address. now: Unix seconds.
    chance: 0 to 1, makes bans up to a tenth longer. look_up: asks `bans` and `known` at once.
    """

    def __init__(
        self,
        settings: GuardSettings,
        access: AccessRule,
        *,
        state: GuardState,
        bans: BanBook,
        known: KnownSources,
        now: Callable[[], float],
        never_ban: Sources | None = None,
        chance: Callable[[], float] = lambda: 0.0,
        look_up: LookUp | None = None,
    ) -> None:
        self._settings = settings
        self._access = access
        self._state = state
        self._bans = bans
        self._known = known
        self._look_up = look_up
        self._now = now
        self._never_ban: Sources = () if never_ban is None else never_ban
        self._budgets = Budgets(settings, state, known)
        self._books = Books(settings, state, self._budgets, bans=bans, known=known, chance=chance)
        self._heard = Heard()
        self._open: dict[Attempt, tuple[Case, Hold]] = {}

    def judge(self, attempt: Attempt) -> Verdict:
        """Whether to look at the password. StoreError when the bans cannot be read: then nobody logs in."""
        if self._open:
            self.abandoned(attempt)
        now = self._now()
        case, found = self._looked_up(attempt, now)
        with self._state.alone():
            if found:
                self._books.heed_lifted(case, found, now)
            refusal = self._budgets.refusal(case, found, now)
            if refusal is not None:
                return refusal
            hold = self._budgets.hold(case, now)
        if hold is None:
            return Verdict(refused=Reason.BUSY, allowed=case.allowed, again=_AGAIN, strong=case.allowed)
        self._open[attempt] = case, hold
        return Verdict(allowed=case.allowed, known=case.known)

    def sprayed(self, attempt: Attempt, password: Secret | None, *, tag: str | None = None) -> bool:
        """Whether this password is being tried on many accounts lately, and comes from a source that the account does
        not know. Then it is refused unlooked at: `failed(…, Reason.SPRAYED)`, after the time a look would take."""
        heard = password if password is not None else tag
        case = self._open[attempt][0] if attempt in self._open else self._looked_up(attempt, self._now())[0]
        if heard is None or case.known or not case.allowed:
            return False
        with self._state.alone():
            tags = self._state.tags.tags(case.ledger, heard, self._now())
            return self._state.spraying.sprayed(tags.site, self._settings.sprayed_accounts)

    def failed(self, attempt: Attempt, password: Secret | None, reason: Reason, *, tag: str | None = None) -> Failure:
        """The login failed. password: the wrong one, None where the mechanism hides it (then each try counts, unless
        `tag` stands for it: the same tag is the same password).

        An exchange that broke off before there was a password to judge is answered late, and after a few in a row
        each uses up a guess of its source: never one of the account, which anybody can name.
        """
        now = self._now()
        case, hold = self._closed(attempt, now)
        heard = password if password is not None else tag
        with self._state.alone():
            tags = self._state.tags.tags(case.ledger, heard, now) if heard is not None and case.account else None
            self._budgets.release(case, hold, now)
            if heard is None and reason not in _GUESSES:
                return self._slipped(case, reason, now)
            return self._guessed(case, tags, reason, now)

    def succeeded(self, attempt: Attempt, *, strong: bool = False) -> None:
        """The login succeeded: the source is known to the account, and what it failed there is forgotten.

        What it failed on other accounts is not, or one's own account would buy guesses at all the others.
        strong: with a credential that nobody can guess, so that `judge` may have refused it before.
        """
        now = self._now()
        case, hold = self._closed(attempt, now)
        if not case.allowed:
            raise ValueError("a login from outside the allowlist must end in failed(…, Reason.NOT_ALLOWED)")
        if hold is None and not strong:
            raise ValueError("only a strong credential may succeed that was not judged, or was refused")
        with self._state.alone():
            self._budgets.release(case, hold, now)
            self._books.forgive(case, now)
        self._known.saw(attempt.account, case.source, now=now)

    def abandoned(self, attempt: Attempt) -> None:
        """Never judged, and not for the client's fault: the guess it held is free again."""
        if attempt in self._open:
            case, hold = self._open.pop(attempt)
            with self._state.alone():
                self._budgets.release(case, hold, self._now())

    def sweep(self, tell: Callable[[BanRemoved | GuardMode], None]) -> None:
        """Once every few seconds: `tell` hears of each ban that ended, once, perhaps after this returns."""
        now = self._now()
        time = datetime.fromtimestamp(now, UTC)
        self._bans.expire(now, lambda subject: tell(BanRemoved(time=time, subject=subject, reason="expired")))
        self._known.expire(before=now - self._settings.known_for)
        with self._state.alone():
            ended = self._state.spraying.end(now)
        if ended:
            tell(GuardMode(time=time, mode=SPRAYING, on=False))

    def standing(self, *, source: Source | None = None, account: str = "", listener: str = "") -> tuple[Standing, ...]:
        """Every rule that looks at this source, this account, or both together, in the order it is asked; changes
        nothing. The one that would decide now is the first with an `until`."""
        now = self._now()
        if source is None:
            with self._state.alone():
                return tuple(self._budgets.of_account(f"account:{account}" if account else "", now))
        case, found = self._looked_up(Attempt(source, account, "", listener, ""), now)
        with self._state.alone():
            return tuple(self._budgets.standing(case, found, now))

    def _looked_up(self, attempt: Attempt, now: float) -> tuple[Case, Found]:
        """How it stands, and what the book of bans has of it."""
        source = ring(attempt.source)
        allowed = self._access.allows(attempt.source, attempt.listener) and not attempt.barred
        case = Case(attempt, source=source, allowed=allowed, spared=attempt.source in self._never_ban)
        since = now - self._settings.known_for
        if self._look_up is not None:
            found, seen = self._look_up(attempt.account, source, case.subjects)
            case.known = allowed and case.account != "" and seen is not None and seen >= since
            return case, found
        case.known = allowed and case.account != "" and self._known.knows(attempt.account, source, since=since)
        return case, self._bans.found(case.subjects)

    def _closed(self, attempt: Attempt, now: float) -> tuple[Case, Hold | None]:
        opened = self._open.pop(attempt, None)
        return opened if opened is not None else (self._looked_up(attempt, now)[0], None)

    def _slipped(self, case: Case, reason: Reason, now: float) -> Failure:
        row = self._budgets.strike(case.source, now)
        events = () if reason is Reason.STALE else tuple(self._books.slip(case, now))
        return Failure(delay=self._settings.delay(row), repeated=False, events=events)

    def _guessed(self, case: Case, tags: Tags | None, reason: Reason, now: float) -> Failure:
        row = self._budgets.strike(case.own, now)
        ledger = self._budgets.ledger(case, now)
        repeated = tags is not None and any(
            ledger.heard(tag, day) and not self._heard.another(case.ledger, tags, day)
            for day, tag in enumerate(tags.account)
        )
        if tags is not None:
            self._heard.add(case.ledger, tags)
        counts = not repeated and reason is not Reason.STALE
        events = tuple(self._books.write(case, ledger, tags=tags, reason=reason, now=now)) if counts else ()
        if not counts and tags is not None:
            self._books.remember(case, ledger, tags, now)
        if repeated:
            return Failure(delay=self._settings.delay_repeated(row - 1), repeated=True)
        delay = self._settings.delay(max(row, self._budgets.step(case, now)))
        return Failure(delay=delay, repeated=False, events=events)
