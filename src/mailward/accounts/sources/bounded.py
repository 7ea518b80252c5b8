"""The bounds every account source has: one spelling of a name, a time limit, a queue, and rest after outages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mailward.accounts.account import canonical
from mailward.accounts.sources.breaker import Breaker
from mailward.accounts.sources.source import (
    UNKNOWN,
    Backend,
    OutOfOrder,
    Question,
    SourceAnswer,
    SourceSettings,
    out_of_order,
)
from mailward.errors import AuthUnavailable, InputError
from mailward.sasl.saslprep import MAX_PASSWORD
from mailward.secret import Secret


class BoundedSource:
    """An AccountSource made of a backend.

    What can be no name or no password is looked up as nobody's and fails as any other login does; an empty password
    never reaches a source (RFC 4513 §5.1.2: an LDAP server takes it for an anonymous login).
    """

    def __init__(self, backend: Backend, settings: SourceSettings, *, now: Callable[[], float]) -> None:
        self.name = settings.name
        self._backend = backend
        self._timeout = settings.timeout
        self._most = settings.connections + settings.waiting
        self._under_way = 0
        self._closed = False
        self._turn = asyncio.Semaphore(settings.connections)
        self._breaker = Breaker(failures=settings.failures, pause=settings.pause, now=now)

    async def verify(self, name: str, password: Secret, *, source: str = "", service: str = "smtp") -> SourceAnswer:
        """What the source says. AuthUnavailable: out of order, too slow, or asked too much at once."""
        question = _question(name, password, source=source, service=service)
        if question is None:
            return UNKNOWN
        if self._closed or self._under_way >= self._most:
            raise _busy(self.name)
        self._under_way += 1
        try:
            return await self._in_time(question)
        finally:
            self._under_way -= 1

    def faults(self) -> tuple[str, ...]:
        resting = (f"account source {self.name!r}: left alone after failures in a row",) if self._breaker.open else ()
        return (*resting, *self._backend.faults())

    async def close(self) -> None:
        self._closed = True
        await self._backend.close()

    async def _in_time(self, question: Question) -> SourceAnswer:
        asked = False
        try:
            async with asyncio.timeout(self._timeout), self._turn:
                if not self._breaker.passes():
                    raise _resting(self.name)
                asked = True
                answer = await self._backend.ask(question)
        except OutOfOrder:
            if asked:
                self._breaker.failed()
            raise
        except TimeoutError:
            pass  # told below, by an error without the frames of this one
        else:
            self._breaker.worked()
            return answer
        if not asked:  # our queue was long; that says nothing about the source
            raise _busy(self.name)
        self._breaker.failed()
        raise out_of_order(self.name, f"no answer within {self._timeout:g} s")


def _question(name: str, password: Secret, *, source: str, service: str) -> Question | None:
    text = password.reveal()
    try:
        fits = 0 < len(text) <= MAX_PASSWORD and "\0" not in text and len(text.encode()) <= MAX_PASSWORD
        return Question(canonical(name), password, source, service) if fits else None
    except (InputError, UnicodeEncodeError):
        return None


def _busy(name: str) -> AuthUnavailable:
    return AuthUnavailable(f"too many logins at once for the account source {name!r}", phase="auth")


def _resting(name: str) -> AuthUnavailable:
    return out_of_order(name, "it failed several times in a row and is tried again in a moment")
