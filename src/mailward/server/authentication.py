"""The logins of one session: AUTH, its responses, and how often they may fail (RFC 4954)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailward.errors import StoreError
from mailward.login.login import PATIENCE, Login
from mailward.login.step import Challenge, Result
from mailward.wire import reply as replies
from mailward.wire.reply import Reply

if TYPE_CHECKING:
    from mailward.accounts.account import Account
    from mailward.login.peer import Peer
    from mailward.login.step import Step
    from mailward.server.later import Later
    from mailward.server.services import Services

_STILL_VALID: Final = 2.0  # seconds a login is believed in before the account is looked up again
_REPLIES: Final = {
    Result.OK: replies.AUTH_OK,
    Result.FAILED: replies.AUTH_FAILED,
    Result.THROTTLED: replies.AUTH_THROTTLED,
    Result.UNAVAILABLE: replies.AUTH_UNAVAILABLE,
    Result.CANCELLED: replies.AUTH_CANCELLED,
    Result.EXPOSED: replies.NEED_TLS_FOR_AUTH,
}


class Authentication:
    """`account`: who is logged in. `ended`: the reply just given was the session's last."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.account: Account | None = None
        self.ended = False
        self._login: Login | None = None
        self._judging = False
        self._failures = 0
        self._valid_at = 0.0
        self._gone = False

    @property
    def patience(self) -> float | None:
        """Seconds the client has for its next response of a login; None when none is awaited."""
        return PATIENCE if self._login is not None and not self._judging else None

    def exposed(self, peer: Peer, mechanism: str) -> Reply:
        """AUTH where anybody can listen."""
        return _REPLIES[Login(self._services.logins, peer, mechanism).exposed().result]

    def begin(self, peer: Peer, mechanism: str, initial_response: bytes | None) -> Later:
        self._login = Login(self._services.logins, peer, mechanism)
        return self._services.spawn(self._advance(self._login, initial_response, first=True))

    def respond(self, response: bytes | None) -> Reply | Later:
        """response: None when the client cancels."""
        if self._login is None:
            return replies.BAD_SEQUENCE
        return self._services.spawn(self._advance(self._login, response, first=False))

    def forget(self) -> None:
        """TLS begins: whoever it was before may be somebody else."""
        self.account = None

    def lost(self) -> None:
        """The connection is gone. A guess under way is judged to its end, or hanging up would make it free."""
        self._gone = True
        if self._login is not None and not self._judging:
            self._login.lost()
            self._login = None

    def renewed(self) -> Reply | None:
        """Removing an account, or giving it another password, ends what those who are logged in may do."""
        account, now = self.account, self._services.loop.time()
        if account is None or now - self._valid_at < _STILL_VALID:
            return None
        try:
            self.account, self._valid_at = self._services.logins.renewed(account), now
        except StoreError:
            return replies.LOCAL_ERROR
        self.ended = self.account is None
        return replies.LOGIN_ENDED if self.ended else None

    async def _advance(self, login: Login, data: bytes | None, *, first: bool) -> Reply:
        self._judging = True
        try:
            step = await (login.begin(data) if first else login.respond(data))
        except BaseException:
            self._login = None
            login.fault()
            raise
        finally:
            self._judging = False
        return self._answer(login, step)

    def _answer(self, login: Login, step: Step) -> Reply:
        if isinstance(step, Challenge):
            if self._gone:
                login.lost()
            return replies.challenge(step.data)
        self._login = None
        reply = _REPLIES[step.result]
        if step.account is not None:
            self.account = step.account
            self._valid_at = self._services.loop.time()
            self._failures = 0
            return reply
        self._failures += 1
        self.ended = self._failures >= self._services.failures_per_connection
        return replies.AUTH_FAILED_LAST if self.ended and step.result is Result.FAILED else reply
