"""One login: the SASL exchange, the guard's judgement, the password or the proof, one event (RFC 4954, RFC 4422).

Outward every failure is the same reply after the same work; inward the event says exactly which it was. A guess that
has begun is counted whatever the client does next: hanging up does not make it free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mailward.accounts.account import Account, canonical
from mailward.errors import AuthUnavailable, InputError, SaslError, StoreError
from mailward.events import LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.guard.guard import Guard
from mailward.guard.verdict import Attempt, Verdict
from mailward.printable import printable
from mailward.sasl.mechanism import (
    Challenge,
    ChannelBinding,
    FindKeys,
    PasswordClaim,
    ProofClaim,
    ScramKeys,
    ServerExchange,
)
from mailward.sasl.register import server_mechanisms
from mailward.sasl.scram import barred_keys, fake_keys
from mailward.secret import Secret
from mailward.wire import reply as replies
from mailward.wire.reply import Reply

if TYPE_CHECKING:
    from mailward.accounts.directory import Accounts
    from mailward.accounts.hasher import Hasher
    from mailward.events import Event
    from mailward.server.door import Door
    from mailward.server.session import Session

PATIENCE: Final = 10.0  # seconds a client has for each response: until then it may hold a guess
_BUSY: Final = 2.0  # seconds to wait for a guess that others hold
_log = logging.getLogger("mailward.server")


@dataclass(frozen=True, slots=True)
class Logins:
    """What every login needs. `fake_key`: makes the stable false SCRAM keys of accounts that do not exist."""

    accounts: Accounts
    hasher: Hasher
    guard: Guard
    record: Callable[[Event], None]
    utc: Callable[[], datetime]
    nonce: Callable[[], str]
    bindings: tuple[ChannelBinding, ...]
    fake_key: bytes
    failures_per_connection: int

    def renewed(self, account: Account) -> Account | None:
        """The account as it is now; None when it is gone or has another password. StoreError when nobody can tell."""
        found = self.accounts.find_key(account.name)
        return found if found is not None and found.changed == account.changed else None


class Login:
    """One AUTH command. `account` is set when it succeeded."""

    def __init__(self, logins: Logins, session: Session, door: Door, mechanism: str) -> None:
        self._logins = logins
        self._door = door
        self._tls = session.tls
        self._source = session.source
        self._session = session.id
        self._mechanism = mechanism
        self._exchange: ServerExchange | None = None
        self._name = ""
        self._attempt: Attempt | None = None
        self._verdict: Verdict | None = None
        self._found: Account | None = None
        self._proven = False
        self._told = False
        self.account: Account | None = None

    async def begin(self, initial_response: bytes | None) -> Reply:
        logins = self._logins
        self._exchange = server_mechanisms()[self._mechanism].server(
            initial_response, bindings=logins.bindings, plus_offered=bool(logins.bindings), nonce=logins.nonce()
        )
        return await self._advance(None)

    async def respond(self, response: bytes | None) -> Reply:
        if response is None:
            self._close()
            await self._fail(self._broken(Reason.CANCELLED), None)
            return replies.AUTH_CANCELLED
        return await self._advance(response)

    def exposed(self) -> Reply:
        """AUTH where anybody can listen: nothing is looked at, but the operator hears of it."""
        self._refuse(Reason.EXPOSED)
        return replies.NEED_TLS_FOR_AUTH

    def lost(self) -> None:
        """The client has left in the middle of the exchange."""
        self._close()
        self._end(lambda: self._settled(self._broken(Reason.ABANDONED), None))

    def fault(self) -> None:
        """Something of ours broke: that is not the client's failure, and it holds no guess any longer."""
        self._end(lambda: self._unavailable(Reason.UNAVAILABLE))

    def _end(self, tell: Callable[[], object]) -> None:
        """Nobody waits for an answer any more; unless the login has been told already, `tell` it."""
        if self._told:
            return
        try:
            tell()
        except StoreError as problem:
            _log.error("%s: the end of a login could not be told: %s", self._source, problem)

    def _close(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def _broken(self, reason: Reason) -> Reason:
        """Whatever broke it off after a right proof, what matters is that the password is known."""
        return Reason.PROVED_AND_LEFT if self._proven else reason

    async def _advance(self, answer: bytes | ScramKeys | None) -> Reply:
        exchange = self._exchange
        assert exchange is not None  # noqa: S101
        try:
            step = exchange.send(answer)
            if isinstance(step, FindKeys):
                refusal = await self._judge(step.authcid)
                if refusal is not None:
                    exchange.close()
                    return refusal
                step = exchange.send(self._keys(step.authcid))
        except StopIteration as end:
            return await self._decide(end.value)
        except SaslError:
            return await self._fail(self._broken(Reason.BAD_EXCHANGE), None)
        except StoreError:
            return self._unavailable(Reason.UNAVAILABLE)
        assert isinstance(step, Challenge)  # noqa: S101
        self._proven = step.proven
        return replies.challenge(step.data)

    async def _judge(self, authcid: str) -> Reply | None:
        """Ask the guard before anything about the credentials is looked at. The refusal, if it says so."""
        try:
            account = self._name = canonical(authcid)
        except InputError:
            account, self._name = "", printable(authcid, 256)
        attempt = self._attempt_on(account)
        verdict = self._verdict = await self._verdict_on(attempt)
        if verdict.refused is not None:
            self._refuse(verdict.refused, until=verdict.until, delay=verdict.delay)
            await asyncio.sleep(verdict.delay)
            return replies.AUTH_THROTTLED
        self._attempt = attempt
        self._found = self._logins.accounts.find_key(account) if account else None
        return None

    async def _verdict_on(self, attempt: Attempt) -> Verdict:
        """The guard's word; while others are being judged on the last guesses that are left, wait for them a little."""
        waited = 0.0
        while True:
            verdict = self._logins.guard.judge(attempt)
            if verdict.again is None or waited >= _BUSY:
                return verdict
            await asyncio.sleep(verdict.again)
            waited += verdict.again

    def _keys(self, authcid: str) -> ScramKeys:
        """The account's keys, or false ones, the same each time: nobody can tell by asking."""
        if self._found is None:
            return fake_keys(self._logins.fake_key, self._name or authcid)
        return self._found.scram if self._allowed else barred_keys(self._found.scram)

    async def _decide(self, claim: PasswordClaim | ProofClaim) -> Reply:
        try:
            if isinstance(claim, ProofClaim):
                return await self._conclude(claim, claim.proven, None)
            refusal = await self._judge(claim.authcid)
            if refusal is not None:
                return refusal
            verifier = self._found.verifier if self._found is not None and self._allowed else None
            matches = await self._logins.hasher.verify_async(verifier, claim.password)
            return await self._conclude(claim, matches, claim.password)
        except AuthUnavailable:
            return self._unavailable(Reason.BUSY)
        except StoreError:
            return self._unavailable(Reason.UNAVAILABLE)

    @property
    def _allowed(self) -> bool:
        return self._verdict is not None and self._verdict.allowed

    async def _conclude(self, claim: PasswordClaim | ProofClaim, matches: bool, password: Secret | None) -> Reply:  # noqa: FBT001
        if not self._allowed:
            return await self._fail(Reason.NOT_ALLOWED, password)
        if self._found is None:
            return await self._fail(Reason.UNKNOWN_ACCOUNT, password)
        if not matches:
            return await self._fail(Reason.BAD_PASSWORD, password)
        if claim.authzid and not _same(claim.authzid, self._name):
            return await self._fail(Reason.BAD_EXCHANGE, password)
        assert self._attempt is not None  # noqa: S101
        self._logins.guard.succeeded(self._attempt)
        self._attempt = None
        self.account = self._found
        binding = claim.channel_binding if isinstance(claim, ProofClaim) else None
        self._tell(LoginSucceeded(**self._keys_of_event(None), tls=self._tls, channel_binding=binding))
        return replies.AUTH_OK

    async def _fail(self, reason: Reason, password: Secret | None) -> Reply:
        reply, delay = self._settled(reason, password)
        await asyncio.sleep(delay)
        return reply

    def _settled(self, reason: Reason, password: Secret | None) -> tuple[Reply, float]:
        """The failure is counted and told. The reply, and how long to hold it back."""
        try:
            return replies.AUTH_FAILED, self._failure(reason, password)
        except StoreError:
            return self._unavailable(Reason.UNAVAILABLE), 0.0

    def _failure(self, reason: Reason, password: Secret | None) -> float:
        attempt, self._attempt = self._attempt, None
        if attempt is None:  # it broke off before it named an account
            attempt = self._attempt_on("")
        failure = self._logins.guard.failed(attempt, password, reason)
        self._tell(LoginFailed(**self._keys_of_event(reason), repeated=failure.repeated, delay=failure.delay))
        for event in failure.events:
            self._tell(event)
        return failure.delay

    def _unavailable(self, reason: Reason) -> Reply:
        """We could not judge: not the client's failure, and never counted as one."""
        self._close()
        if self._attempt is not None:
            self._logins.guard.abandoned(self._attempt)
            self._attempt = None
        self._refuse(reason)
        return replies.AUTH_UNAVAILABLE

    def _refuse(self, reason: Reason, *, until: float | None = None, delay: float = 0.0) -> None:
        self._tell(LoginRefused(**self._keys_of_event(reason), until=until, delay=delay))

    def _attempt_on(self, account: str) -> Attempt:
        return Attempt(self._source, account, self._mechanism, self._door.name, self._session)

    def _keys_of_event(self, reason: Reason | None) -> dict[str, Any]:
        return {
            "time": self._logins.utc(),
            "source": str(self._source),
            "account": self._name or None,
            "mechanism": self._mechanism,
            "reason": reason,
            "listener": self._door.name,
            "session": self._session,
        }

    def _tell(self, event: Event) -> None:
        self._logins.record(event)
        self._told = True


def _same(authzid: str, name: str) -> bool:
    try:
        return canonical(authzid) == name
    except InputError:
        return False
