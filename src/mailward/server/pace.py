"""How long a client may still take: silent, slow with its content, or never logging in (RFC 5321 §4.5.3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mailward.server.config import LimitsConfig
    from mailward.server.session import Session

_STRANGER: Final = 300.0  # seconds a session may last without a login
_SLOW_GRACE: Final = 30.0  # seconds before the rate of content is looked at …
_SLOW_RATE: Final = 500.0  # … and the octets a second it must have (as Postfix's smtpd_min_data_rate)


class Pace:
    """`clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float], limits: LimitsConfig) -> None:
        self._clock = clock
        self._limits = limits
        self._progress = self._started = clock()
        self._content_since: float | None = None
        self._content_octets = 0

    def moved(self) -> None:
        """The client has said something that could be understood, or it is our turn to be waited for."""
        self._progress = self._clock()

    def content(self, octets: int) -> None:
        """A piece of content has come; the first of a BDAT chunk begins the measuring."""
        if self._content_since is None:
            self._content_since = self._progress
        self._content_octets += octets

    def answered(self, *, content_follows: bool) -> None:
        self._content_since = self._clock() if content_follows else None
        self._content_octets = 0

    def left(self, session: Session) -> float:
        """Seconds until this client has been silent, or slow, for too long."""
        limits, now = self._limits, self._clock()
        if self._content_since is not None:
            elapsed = now - self._content_since
            if elapsed < _SLOW_GRACE:
                return _SLOW_GRACE - elapsed
            return _SLOW_GRACE if self._content_octets >= _SLOW_RATE * elapsed else 0.0
        silent = now - self._progress
        if session.patience is not None:
            return session.patience - silent
        if session.trusted:
            return limits.idle - silent
        return min(limits.idle_before_login - silent, _STRANGER - (now - self._started))
