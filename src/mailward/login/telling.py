"""The one event that says how a login ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailward.events import LoginFailed, LoginRefused, LoginSucceeded, Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mailward.events import Event
    from mailward.guard.verdict import Failure
    from mailward.login.credentials import Finding
    from mailward.login.peer import Peer


class Telling:
    """`name`: the account as far as it is known. `told`: whether the login has been told."""

    def __init__(
        self, record: Callable[[Event], None], utc: Callable[[], datetime], peer: Peer, mechanism: str
    ) -> None:
        self._record = record
        self._utc = utc
        self._peer = peer
        self._mechanism = mechanism
        self.name = ""
        self.told = False

    def succeeded(self, finding: Finding, binding: str | None) -> None:
        self._tell(
            LoginSucceeded(
                **self._keys(None),
                tls=self._peer.tls,
                channel_binding=binding,
                credential=finding.credential,
                grace=finding.grace,
            )
        )

    def failed(self, reason: Reason, failure: Failure) -> None:
        """With what the guard did about it."""
        self._tell(LoginFailed(**self._keys(reason), repeated=failure.repeated, delay=failure.delay))
        for event in failure.events:
            self._tell(event)

    def refused(self, reason: Reason, *, until: float | None = None, delay: float = 0.0) -> None:
        self._tell(LoginRefused(**self._keys(reason), until=until, delay=delay))

    def _keys(self, reason: Reason | None) -> dict[str, Any]:
        return {
            "time": self._utc(),
            "source": str(self._peer.source),
            "account": self.name or None,
            "mechanism": self._mechanism,
            "reason": reason,
            "listener": self._peer.listener,
            "session": self._peer.session,
        }

    def _tell(self, event: Event) -> None:
        self._record(event)
        self.told = True
