"""Account sources asked in order: the first that knows the name decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailward.accounts.sources.pace import Pace
from mailward.accounts.sources.source import UNKNOWN, AccountSource, SourceAnswer
from mailward.secret import Secret


class Several:
    """The order is the authority: while one is out of order, those after it are not asked, for it might have said no.

    A kind that cannot tell a wrong password from an unknown name (LDAP with `dn`, some PAM stacks) knows every name,
    and so belongs at the end.
    """

    name = "sources"

    def __init__(self, sources: Sequence[AccountSource], *, now: Callable[[], float]) -> None:
        self._sources = tuple(sources)
        self._pace = Pace(now)

    async def verify(self, name: str, password: Secret, *, source: str = "", service: str = "smtp") -> SourceAnswer:
        """A failure is told at an even step of time. AuthUnavailable: see above."""
        started = self._pace.start()
        decided = UNKNOWN
        for each in self._sources:
            decided = await each.verify(name, password, source=source, service=service)
            if decided.account is not None:
                break
        if self._sources and not (decided.right and not decided.disabled):
            await self._pace.even(started)
        return decided

    def faults(self) -> tuple[str, ...]:
        return tuple(fault for source in self._sources for fault in source.faults())

    async def close(self) -> None:
        """All of them, in order."""
        for source in self._sources:
            await source.close()
