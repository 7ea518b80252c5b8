"""No secret is refused twice: what a server refused is not sent to it again, by no client of this process.

A secret that was never judged goes alone, while all others that would send the same wait for the verdict. So is one
that has not been accepted for some seconds: it may have been changed at the server meanwhile, and then it is one login
that fails and not one for each connection of a pool. A refusal holds until another secret is given, or `forget`.
"""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from mailward.client.turns import alone
from mailward.errors import AuthError, BadCredentials, CredentialsBlocked
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import Credentials

T = TypeVar("T")

_MOST: Final = 4096  # refusals, and as many acceptances: the oldest are forgotten
_TRUSTED: Final = 10.0  # seconds after a login with it during which a secret may be sent by all at once

_ADVICE: Final = (
    "change the password where the program takes it from; if the server was wrong, mailward.forget_refusals() or a"
    " new process allows one more try"
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    host: str
    user: str
    at: datetime
    code: int | None
    enhanced_code: str | None

    def error(self) -> CredentialsBlocked:
        return CredentialsBlocked(
            f"{printable(self.host)} refused this secret of {printable(self.user, 100)} at {self.at:%Y-%m-%d %H:%M:%S}"
            f" UTC ({self.enhanced_code or self.code}), so it was not sent again",
            phase="auth",
            code=self.code,
            enhanced_code=self.enhanced_code,
            advice=_ADVICE,
        )


class Breaker:
    """What was refused and what was accepted, by host, user and a keyed hash of the secret; never the secret itself.

    Its operations are atomic, so threads need no lock here.
    """

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._refused: OrderedDict[tuple[str, str, bytes], _Refusal] = OrderedDict()
        self._accepted: OrderedDict[tuple[str, str, bytes], float] = OrderedDict()

    async def guard(
        self,
        host: str,
        credentials: Credentials,
        attempt: Callable[[], Awaitable[T]],
        *,
        ports: Ports,
        until: float | None,
    ) -> T:
        """What `attempt` gives. Raises what it raises, and CredentialsBlocked in its place.

        A refusal is BadCredentials, and any code from 530 whose kind we do not know. A policy, a mechanism that is
        missing or a server that is busy says nothing of the secret, and the next one in the row finds out for itself.
        """
        if not credentials.password:
            return await attempt()
        mark = self._mark(host, credentials)
        if not self._is_trusted(mark, ports.now()):
            async with alone(("login", mark), ports, until=until, what="the first login with these credentials"):
                if not self._is_trusted(mark, ports.now()):
                    return await self._judged(mark, attempt, ports)
        return await self._judged(mark, attempt, ports)

    def check(self, hosts: Sequence[str], credentials: Credentials) -> None:
        """Before a connection is made for them: raises CredentialsBlocked if each of `hosts` has refused them."""
        refusals = [self._refused.get(self._mark(host, credentials)) for host in hosts]
        if (first := next(iter(refusals), None)) is not None and all(refusals):
            raise first.error()

    def forget(self, host: str | None = None, user: str | None = None) -> int:
        """Allows one more try of what was refused: by this host, of this user, or all. Gives how many there were."""
        found = [
            mark
            for mark in list(self._refused)
            if (host is None or mark[0] == host.lower()) and (user is None or mark[1] == user)
        ]
        return sum(self._refused.pop(mark, None) is not None for mark in found)

    async def _judged(self, mark: tuple[str, str, bytes], attempt: Callable[[], Awaitable[T]], ports: Ports) -> T:
        if (refusal := self._refused.get(mark)) is not None:
            raise refusal.error()
        try:
            result = await attempt()
        except AuthError as error:
            if not _is_final(error):
                raise
            self._accepted.pop(mark, None)
            self._refused[mark] = _Refusal(*mark[:2], ports.utc(), error.code, error.enhanced_code)
            _trim(self._refused)
            raise
        self._accepted.pop(mark, None)  # so that the table has the oldest first
        self._accepted[mark] = ports.now()
        _trim(self._accepted)
        return result

    def _is_trusted(self, mark: tuple[str, str, bytes], now: float) -> bool:
        """Or refused already, for which nobody needs to wait."""
        accepted = self._accepted.get(mark)
        return mark in self._refused or (accepted is not None and now - accepted < _TRUSTED)

    def _mark(self, host: str, credentials: Credentials) -> tuple[str, str, bytes]:
        secret = credentials.password.reveal().encode("utf-8", "surrogatepass")
        return host.lower(), credentials.authcid, hmac.digest(self._key, secret, "sha256")


def _is_final(error: AuthError) -> bool:
    """What the server said once it had the secret; 50z is about the command, and other kinds name another cause."""
    return isinstance(error, BadCredentials) or (type(error) is AuthError and (error.code or 0) >= 530)


def _trim(table: OrderedDict[tuple[str, str, bytes], T]) -> None:
    while len(table) > _MOST:
        table.popitem(last=False)


BREAKER: Final = Breaker()  # of this process: a refused secret is refused for each of its clients


def forget_refusals(host: str | None = None, user: str | None = None) -> int:
    """Logins that a server refused may be tried once more with the same secret. Gives how many there were.

    A client never sends a secret again that was refused, until it is another one. Call this when the mistake was the
    server's and is mended. `host`, `user`: only those.
    """
    return BREAKER.forget(host, user)
