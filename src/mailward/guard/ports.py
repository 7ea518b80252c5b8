"""What the guard needs of the world: who may log in at all, a book of bans, and where accounts have logged in from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mailward.guard.source import Source

GUARD, OPERATOR = "guard", "operator"


class AccessRule(Protocol):
    """Allowlists and blocklists."""

    def allows(self, source: Source, listener: str) -> bool:
        """Whether `source` may log in at this listener."""


class Sources(Protocol):
    """A set of addresses."""

    def __contains__(self, source: Source, /) -> bool:
        """Whether it is one of them."""


class Banned(Protocol):
    """A line of the book. until: Unix seconds. by: the guard, or the operator. lifted: taken back before its end."""

    @property
    def until(self) -> float: ...
    @property
    def by(self) -> str: ...
    @property
    def lifted(self) -> bool: ...


class BanBook(Protocol):
    """Subjects are `ip:192.0.2.7`, `ip:2001:db8::/64`, `account:ann@example.test`; times are Unix seconds."""

    def found(self, subjects: Sequence[str]) -> Mapping[str, Banned]:
        """The lines of one or two subjects, ended ones too."""

    def add(self, subject: str, *, reason: str, added: float, until: float, times: int) -> None:
        """In force when this returns. times: how many bans this makes. The guard's; the operator's is left as it is."""

    def settled(self, subject: str) -> None:
        """The guard has forgotten what it held against a lifted subject; the line may go."""

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        """Take away the bans that ended by `now`; `tell` hears each subject once, perhaps later."""


class LookUp(Protocol):
    """What every login asks of both books; only to be quicker than `found` and `knows` one after the other."""

    def __call__(
        self, account: str, source: str, subjects: Sequence[str], /
    ) -> tuple[Mapping[str, Banned], float | None]:
        """The lines of one or two subjects, and when `account` last logged in from `source`."""


class KnownSources(Protocol):
    """Pairs of an account and a source (a subject); times are Unix seconds."""

    def knows(self, account: str, source: str, *, since: float) -> bool:
        """Whether `account` logged in from `source` at or after `since`."""

    def known_accounts(self, source: str, *, since: float) -> int:
        """How many accounts logged in from `source` at or after `since`."""

    def saw(self, account: str, source: str, *, now: float) -> None:
        """A login succeeded."""

    def forget(self, account: str, source: str) -> None:
        """From now on a stranger."""

    def expire(self, *, before: float) -> None:
        """Forget what was last seen before that time."""
