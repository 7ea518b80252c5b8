"""A host name that stands for the addresses it has now (RFC 1035, RFC 3596), for as long as their TTL says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from mailward.errors import InputError, MailwardError
from mailward.guard.allowlist import Networks
from mailward.guard.source import Source
from mailward.printable import printable

SHORTEST: Final = 30.0  # seconds an answer is believed at the least, whatever its TTL …
LONGEST: Final = 86_400.0  # … and at the most
RETRY: Final = 30.0  # seconds after a failed look-up
KEPT: Final = 86_400.0  # seconds that an answer serves at the most while nobody can say anything newer
_MOST_ADDRESSES = 256
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?>(?:\.{_LABEL})*)\.?")

# The addresses of a name, none if it has none, and for how many seconds that holds. Raises MailwardError.
Resolve: TypeAlias = Callable[[str], Awaitable[tuple[Sequence[Source], float]]]


class AddressName:
    """`networks`: its addresses as far as they are known. `fault`: why they may be wrong, if they may."""

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{printable(name, 80)!r} is not a host name: write dns:home.example.net",
                phase="config",
                advice="write a name of ASCII letters, digits, hyphens and dots after dns:",
            )
        self.name = name
        self.networks = Networks()
        self.fault = ""
        self._next = float("-inf")
        self._answered: float | None = None

    def due(self, now: float) -> bool:
        return now >= self._next

    async def refresh(self, resolve: Resolve, now: float) -> bool:
        """Ask again if it is time. Whether there are other addresses now."""
        if not self.due(now):
            return False
        try:
            addresses, ttl = await resolve(self.name)
        except MailwardError as problem:
            return self._failed(problem, now)
        return self._took(addresses, ttl, now)

    def _took(self, addresses: Sequence[Source], ttl: float, now: float) -> bool:
        self._next = now + min(max(ttl, SHORTEST), LONGEST)
        self._answered = now
        self.fault = ""
        if not addresses:
            self.fault = f"{self.name} has no address"
        elif len(addresses) > _MOST_ADDRESSES:
            self.fault = f"{self.name} has more than {_MOST_ADDRESSES} addresses; the others are left out"
        self.networks = Networks.parse([str(address) for address in addresses[:_MOST_ADDRESSES]])
        return True

    def _failed(self, problem: MailwardError, now: float) -> bool:
        self._next = now + RETRY
        if self._answered is None:
            self.fault = f"{self.name} is not resolved yet: {problem.message}"
            return False
        if now - self._answered < KEPT:
            self.fault = f"{self.name} keeps the addresses it had: {problem.message}"
            return False
        had, self.networks = bool(self.networks), Networks()
        self.fault = f"{self.name} has lost the addresses it had, nobody confirmed them for a day: {problem.message}"
        return had
