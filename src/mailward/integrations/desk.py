"""Where a server that checks passwords itself asks whether to, and reports how it ended: one budget for all doors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any, Final, Protocol

from mailward.accounts.account import Account, canonical
from mailward.errors import InputError
from mailward.events import Event, LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.guard.source import Source
from mailward.guard.verdict import Attempt, Failure, Verdict
from mailward.login.peer import Peer
from mailward.printable import printable
from mailward.secret import Secret

_LEASE: Final = 30.0  # seconds until a login that is never reported on holds its guess no longer
_MOST_LEASES: Final = 10_000
_BUSY: Final = 1.0  # seconds to wait for a guess that others hold: Dovecot gives up after two, and checks the password
_MOST_WAITING: Final = 20  # at a time: Dovecot asks over a few connections, and who queues behind these waits as well
_CREDENTIAL = "reported"
_log = logging.getLogger("mailward.integrations")


class Judge(Protocol):
    """The part of `Guard` that is used here."""

    def judge(self, attempt: Attempt, /) -> Verdict: ...

    def failed(
        self, attempt: Attempt, password: Secret | None, reason: Reason, *, tag: str | None = None
    ) -> Failure: ...

    def succeeded(self, attempt: Attempt, /) -> None: ...

    def abandoned(self, attempt: Attempt, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A login at another server. name: as it was typed. door: ours, such as `dovecot-policy`. session: theirs, perhaps
    "". twice: that server may ask again about the same login, with the same session.
    """

    source: Source
    name: str
    door: str
    service: str
    session: str
    mechanism: str = ""
    tls: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """reason: for the operator. until: Unix seconds. delay: seconds to hold the refusal back."""

    allow: bool
    reason: Reason | None = None
    until: float | None = None
    delay: float = 0.0


class Desk:
    """Loop thread only. at_home: whether the account may be used by this peer (its own allowlist)."""

    def __init__(
        self,
        guard: Judge,
        *,
        find: Callable[[str], Account | None],
        at_home: Callable[[Account, Peer], bool],
        record: Callable[[Event], None],
        utc: Callable[[], datetime],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._guard = guard
        self._find = find
        self._at_home = at_home
        self._record = record
        self._utc = utc
        self._loop = loop
        self._leases: dict[Attempt, tuple[Attempt, asyncio.TimerHandle]] = {}
        self._alike: dict[Attempt, list[Attempt]] = {}  # those that hold a guess and look the same to a report
        self._numbers = count()
        self._waiting = 0

    async def allow(self, question: Question) -> Decision:
        """Whether to check the password at all. Yes holds a guess until `report`. StoreError when nobody can tell."""
        attempt = alike = self._attempt(question)
        if question.twice and question.session:
            self._let_go(attempt)
        else:  # the second question is another login, and holds a guess of its own
            attempt = replace(alike, session=f"{alike.session}\0{next(self._numbers)}")
        verdict = await self._verdict(attempt)
        if verdict.refused is not None:
            refused = LoginRefused(
                **self._event(attempt, question, verdict.refused), until=verdict.until, delay=verdict.delay
            )
            self._record(refused)
            return Decision(allow=False, reason=verdict.refused, until=verdict.until, delay=verdict.delay)
        if not verdict.allowed:
            failure = self._fail(attempt, question, Reason.NOT_ALLOWED, None)
            return Decision(allow=False, reason=Reason.NOT_ALLOWED, delay=failure.delay)
        self._hold(attempt, alike)
        return Decision(allow=True)

    async def report(self, question: Question, *, reason: Reason | None, tag: str | None = None) -> Failure | None:
        """How it ended. reason: why it failed, None for a success. tag: stands for the wrong password.

        StoreError when it cannot be counted.
        """
        alike = self._attempt(question)
        attempt = self._alike.get(alike, [alike])[0]
        held = self._let_go(attempt)
        if reason is not None:
            return self._fail(attempt, question, reason, tag)
        if not held:  # nobody asked us first: what we would have said no to makes no source known
            verdict = self._guard.judge(attempt)
            held = verdict.refused is None and verdict.allowed
        if held:
            self._guard.succeeded(attempt)
        else:
            self._guard.abandoned(attempt)
        for other in list(self._alike.get(alike, ())):  # whoever knows the password need not guess it
            self._expire(other)
        tls = "TLS" if question.tls else None
        self._record(LoginSucceeded(**self._event(attempt, question, None), tls=tls, credential=_CREDENTIAL))
        return None

    def abandoned(self, question: Question) -> None:
        """It was never judged, and not for the client's fault. Where the guess that is given back could be another
        login's, what it held lapses."""
        if question.twice and question.session:
            self._expire(self._attempt(question))

    def close(self) -> None:
        for _, timer in self._leases.values():
            timer.cancel()
        self._leases.clear()
        self._alike.clear()

    async def _verdict(self, attempt: Attempt) -> Verdict:
        waited = 0.0
        while True:
            verdict = self._guard.judge(attempt)
            if verdict.again is None or waited >= _BUSY or self._waiting >= _MOST_WAITING:
                return verdict
            self._waiting += 1
            try:
                await asyncio.sleep(verdict.again)
            finally:
                self._waiting -= 1
            waited += verdict.again

    def _fail(self, attempt: Attempt, question: Question, reason: Reason, tag: str | None) -> Failure:
        failure = self._guard.failed(attempt, None, reason, tag=tag)
        told = self._event(attempt, question, reason)
        self._record(LoginFailed(**told, repeated=failure.repeated, delay=failure.delay))
        for event in failure.events:
            self._record(event)
        return failure

    def _hold(self, attempt: Attempt, alike: Attempt) -> None:
        if len(self._leases) >= _MOST_LEASES:
            oldest = next(iter(self._leases))
            self._expire(oldest)
        self._leases[attempt] = alike, self._loop.call_later(_LEASE, self._expire, attempt)
        self._alike.setdefault(alike, []).append(attempt)

    def _expire(self, attempt: Attempt) -> None:
        self._let_go(attempt)
        self._guard.abandoned(attempt)

    def _let_go(self, attempt: Attempt) -> bool:
        if attempt not in self._leases:
            return False
        alike, timer = self._leases.pop(attempt)
        timer.cancel()
        self._alike[alike].remove(attempt)
        if not self._alike[alike]:
            del self._alike[alike]
        return True

    def _attempt(self, question: Question) -> Attempt:
        try:
            account = canonical(question.name)
        except InputError:
            account = ""
        found = self._find(account) if account else None
        listener = f"{question.door}:{question.service}"
        peer = Peer(source=question.source, listener=listener, session=question.session, service=question.service)
        barred = found is not None and not self._at_home(found, peer)
        return Attempt(question.source, account, question.mechanism, listener, question.session, barred)

    def _event(self, attempt: Attempt, question: Question, reason: Reason | None) -> dict[str, Any]:
        return {
            "time": self._utc(),
            "source": str(attempt.source),
            "account": attempt.account or printable(question.name, 256) or None,
            "mechanism": attempt.mechanism or None,
            "reason": reason,
            "listener": attempt.listener,
            "session": question.session or None,
        }
