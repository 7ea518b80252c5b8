"""What the guard needs of the world: somewhere to keep bans, and where each account has logged in from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class BanBook(Protocol):
    """Subjects are `ip:192.0.2.7`, `ip:2001:db8::/64`, `account:ann@example.test`; times are Unix seconds."""

    def until(self, subject: str) -> float | None:
        """When the ban of `subject` ends or ended; None if there is none."""

    def add(self, subject: str, *, reason: str, added: float, until: float) -> None:
        """In force when this returns."""

    def expire(self, now: float, tell: Callable[[str], None]) -> None:
        """Take away the bans that ended by `now`; `tell` hears each subject once, perhaps later."""


class KnownSources(Protocol):
    """Pairs of an account and a source (a subject); times are Unix seconds."""

    def knows(self, account: str, source: str, *, since: float) -> bool:
        """Whether `account` logged in from `source` at or after `since`."""

    def saw(self, account: str, source: str, *, now: float) -> None:
        """A login succeeded."""

    def forget(self, account: str, source: str) -> None:
        """From now on a stranger."""

    def expire(self, *, before: float) -> None:
        """Forget what was last seen before that time."""
