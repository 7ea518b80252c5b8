"""One login: the SASL exchange, the guard's judgement, the credential, one event (RFC 4422, RFC 4954).

Outward every failure is the same after the same time; inward the event says exactly which it was. A guess that has
begun is counted whatever the client does next: hanging up does not make it free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mailward.accounts.account import canonical
from mailward.accounts.app_passwords import has_form
from mailward.errors import AuthUnavailable, InputError, MailwardError, SaslError, StoreError
from mailward.events import Reason
from mailward.guard.verdict import Attempt, Verdict
from mailward.login import step
from mailward.login.credentials import Access, Finding
from mailward.login.step import Outcome, Result, Step
from mailward.login.telling import Telling
from mailward.printable import printable
from mailward.sasl.mechanism import (
    BearerClaim,
    Challenge,
    Claim,
    ExternalClaim,
    FindKeys,
    PasswordClaim,
    ProofClaim,
    ScramKeys,
    ServerExchange,
)
from mailward.sasl.register import server_mechanisms

if TYPE_CHECKING:
    from mailward.accounts.account import Account
    from mailward.login.logins import Logins
    from mailward.login.peer import Peer
    from mailward.secret import Secret


PATIENCE: Final = 10.0  # seconds a client has for each response: until then it may hold a guess
_BUSY: Final = 2.0  # seconds to wait for a guess that others hold
_log = logging.getLogger("mailward.login")


class Login:
    """One attempt. The door sends what `begin` and `respond` give, until it is an Outcome."""

    def __init__(self, logins: Logins, peer: Peer, mechanism: str) -> None:
        self._logins = logins
        self._peer = peer
        self._mechanism = mechanism
        self._exchange: ServerExchange | None = None
        self._telling = Telling(logins.record, logins.utc, peer, mechanism)
        self._attempt: Attempt | None = None
        self._verdict: Verdict | None = None
        self._found: Account | None = None
        self._proven = False
        self._began = 0.0
        self._refused_token: Finding | None = None
        self._asked = ""  # the name that was given, where it is another one of the account

    async def begin(self, initial_response: bytes | None) -> Step:
        logins, bindings = self._logins, self._peer.bindings
        self._exchange = server_mechanisms()[self._mechanism].server(
            initial_response, bindings=bindings, plus_offered=bool(bindings), nonce=logins.nonce()
        )
        return await self._advance(None)

    async def respond(self, response: bytes | None) -> Step:
        """response: None when the client cancels."""
        if self._refused_token is not None:  # whatever it says to the error challenge (RFC 7628 §3.2.3)
            return await self._fail_token(self._refused_token)
        if response is None:
            self._close()
            outcome = await self._fail(self._broken(Reason.CANCELLED), None)
            return step.CANCELLED if outcome is step.FAILED else outcome
        return await self._advance(response)

    def exposed(self) -> Outcome:
        """A login where anybody can listen: nothing is looked at, but the operator hears of it."""
        self._telling.refused(Reason.EXPOSED)
        return step.EXPOSED

    def lost(self) -> None:
        """The client has left in the middle of the exchange."""
        self._close()
        token = self._refused_token
        if token is not None:
            self._end(lambda: self._count_token(token))
        else:
            self._end(lambda: self._settled(self._broken(Reason.ABANDONED), None))

    def fault(self) -> None:
        """Something of ours broke: that is not the client's failure, and it holds no guess any longer."""
        self._end(lambda: self._unavailable(Reason.UNAVAILABLE))

    def _end(self, tell: Callable[[], object]) -> None:
        """Nobody waits for an answer any more; unless the login has been told already, `tell` it."""
        if self._telling.told:
            return
        try:
            tell()
        except StoreError as problem:
            _log.error("%s: the end of a login could not be told: %s", self._peer.source, problem)

    def _close(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def _broken(self, reason: Reason) -> Reason:
        """Whatever broke it off after a right proof, what matters is that the password is known."""
        return Reason.PROVED_AND_LEFT if self._proven else reason

    async def _advance(self, answer: bytes | ScramKeys | None) -> Step:
        exchange = self._exchange
        assert exchange is not None  # noqa: S101
        try:
            said = exchange.send(answer)
            if isinstance(said, FindKeys):
                refusal = await self._judge(said.authcid)
                if refusal is not None:
                    exchange.close()
                    return refusal
                self._look_after_all()
                name = self._telling.name or said.authcid
                said = exchange.send(self._logins.credentials.keys(self._found, name, self._peer, self._access))
        except StopIteration as end:
            return await self._decide(end.value)
        except SaslError:
            return await self._fail(self._broken(Reason.BAD_EXCHANGE), None)
        except StoreError as problem:
            return self._unavailable(Reason.UNAVAILABLE, problem)
        assert isinstance(said, Challenge)  # noqa: S101
        self._proven = said.proven
        return step.Challenge(said.data)

    async def _judge(self, authcid: str, elsewhere: Account | None = None) -> Outcome | None:
        """Ask the guard before anything about the credential is looked at. The refusal, if it says so.

        A refusal that a credential nobody can guess may still overcome is kept for the end. elsewhere: the account,
        where it is not kept here and somebody else has told of it.
        """
        try:
            account = self._telling.name = canonical(authcid)
        except InputError:
            account, self._telling.name = "", printable(authcid, 256)
        self._began = self._began or self._logins.monotonic()
        self._found = None
        verdict = await self._ask(self._attempt_on(account))
        if verdict.refused is None and account:  # who is refused whatever the account is costs no look at it
            self._found = self._logins.accounts.find_key(account)
            whose = self._found or elsewhere
            if whose is not None and not self._logins.credentials.at_home(whose, self._peer):
                self._let_go()
                verdict = await self._ask(self._attempt_on(account, barred=True))
        if verdict.refused is None or verdict.strong:
            return None
        return await self._turn_away(verdict, verdict.refused)

    def _look_after_all(self) -> None:
        """Refused, but there may be a credential that nobody can guess: now the account is needed."""
        if self._attempt is None and self._found is None and self._telling.name:
            self._found = self._logins.accounts.find_key(self._telling.name)

    async def _judge_whose(self, account: Account) -> Outcome | None:
        """Now that somebody else has told whose it is: another name for an account buys no guess at it, and one from
        outside its networks is no guess of those within."""
        asked = self._telling.name
        if asked == account.name and (self._found is not None or self._logins.credentials.at_home(account, self._peer)):
            return None
        self._let_go()
        self._asked = asked
        return await self._judge(account.name, account)

    async def _turn_away(self, verdict: Verdict, reason: Reason) -> Outcome:
        self._telling.refused(reason, until=verdict.until, delay=verdict.delay)
        await self._hold_back(verdict.delay)
        return step.THROTTLED

    async def _ask(self, attempt: Attempt) -> Verdict:
        """The guard's word; while others are being judged on the last guesses that are left, wait for them a little."""
        waited = 0.0
        while True:
            verdict = self._verdict = self._logins.guard.judge(attempt)
            if verdict.refused is None:
                self._attempt = attempt
            if verdict.again is None or waited >= _BUSY:
                return verdict
            await asyncio.sleep(verdict.again)
            waited += verdict.again

    def _let_go(self) -> None:
        """The guess that was held, if one was, is free again."""
        if self._attempt is not None:
            self._logins.guard.abandoned(self._attempt)
            self._attempt = None

    @property
    def _access(self) -> Access:
        if self._verdict is None or not self._verdict.allowed:
            return "nothing"
        return "strong" if self._verdict.refused is not None else "all"

    # --- the claim

    async def _decide(self, claim: Claim) -> Step:
        try:
            match claim:
                case PasswordClaim():
                    return await self._judge(claim.authcid) or await self._password(claim)
                case ProofClaim():
                    finding = self._logins.credentials.proof(self._found, claim, self._peer, self._access)
                    return await self._conclude(claim.authzid, finding, None, binding=claim.channel_binding)
                case BearerClaim():
                    return await self._judge(claim.authcid) or await self._token(claim)
                case ExternalClaim():
                    return await self._certificate(claim)
        except AuthUnavailable as problem:
            return self._unavailable(Reason.BUSY, problem)
        except StoreError as problem:
            return self._unavailable(Reason.UNAVAILABLE, problem)

    async def _password(self, claim: PasswordClaim) -> Outcome:
        known = self._verdict is not None and self._verdict.known
        sprayed = self._attempt is not None and self._logins.guard.sprayed(self._attempt, claim.password)
        attempt = self._attempt
        if has_form(claim.password):
            self._look_after_all()
        finding = await self._logins.credentials.password(
            self._found,
            self._telling.name if attempt is None or attempt.account else "",
            claim.password,
            self._peer,
            access="sprayed" if sprayed else self._access,
            known=known,
        )
        if sprayed and not finding.strong:
            finding = replace(finding, reason=Reason.SPRAYED)
        refusal = None if finding.account is None else await self._judge_whose(finding.account)
        return refusal or await self._conclude(claim.authzid, finding, claim.password)

    async def _token(self, claim: BearerClaim) -> Step:
        finding = await self._logins.credentials.token(self._telling.name, claim.token, self._peer)
        refusal = None if finding.account is None else await self._judge_whose(finding.account)
        if refusal is not None:
            return refusal
        if finding.reason is None and self._verdict is not None and not self._verdict.allowed:
            finding = replace(finding, reason=Reason.NOT_ALLOWED)
        if finding.reason is not None:
            self._let_go()  # nobody guesses tokens: while the client answers, others may have the guess
            self._refused_token = finding
            return step.Challenge(claim.error)
        return await self._conclude(claim.authzid, finding, None)

    async def _certificate(self, claim: ExternalClaim) -> Outcome:
        finding = self._logins.credentials.certificate(self._peer)
        name = finding.account.name if finding.account is not None else claim.authzid
        refusal = await self._judge(name, finding.account)
        return refusal or await self._conclude(claim.authzid, finding, None)

    # --- how it ends

    async def _conclude(
        self, authzid: str, finding: Finding, password: Secret | None, *, binding: str | None = None
    ) -> Outcome:
        verdict = self._verdict
        if verdict is not None and verdict.refused is not None and not (finding.strong and finding.reason is None):
            return await self._turn_away(verdict, verdict.refused)
        if verdict is not None and not verdict.allowed:
            return await self._fail(Reason.NOT_ALLOWED, password)
        if finding.reason is not None:
            return await self._fail(finding.reason, password, tag=finding.tag)
        if authzid and _canonical(authzid) not in {self._telling.name, self._asked or self._telling.name}:
            return await self._fail(Reason.BAD_EXCHANGE, password)
        return self._succeed(finding, binding)

    def _succeed(self, finding: Finding, binding: str | None) -> Outcome:
        attempt = self._attempt or self._attempt_on(self._telling.name)
        self._logins.guard.succeeded(attempt, strong=finding.strong)
        self._attempt = None
        if self._asked:  # the next login under that name comes from a source that is known to it
            self._logins.guard.succeeded(self._attempt_on(self._asked), strong=True)
        self._telling.succeeded(finding, binding)
        if finding.settle is not None:
            self._logins.later(finding.settle)
        return Outcome(Result.OK, finding.account)

    async def _fail_token(self, finding: Finding) -> Outcome:
        self._refused_token = None
        if self._verdict is not None and self._verdict.refused is not None:
            return await self._turn_away(self._verdict, self._verdict.refused)
        delay = self._count_token(finding)
        await self._hold_back(delay)
        return step.FAILED

    def _count_token(self, finding: Finding) -> float:
        """Nobody guesses tokens: a bad one is a strike against its source, and no account's guess."""
        self._let_go()
        failure = self._logins.guard.failed(self._attempt_on(""), None, Reason.BAD_TOKEN)
        self._telling.failed(finding.reason or Reason.BAD_TOKEN, failure)
        return failure.delay

    async def _fail(self, reason: Reason, password: Secret | None, *, tag: str | None = None) -> Outcome:
        outcome, delay = self._settled(reason, password, tag)
        await self._hold_back(delay)
        return outcome

    async def _hold_back(self, delay: float) -> None:
        """Until `delay` after the attempt began, whatever the work was: the time tells nothing about it."""
        spent = self._logins.monotonic() - self._began if self._began else 0.0
        await asyncio.sleep(max(0.0, delay - spent))

    def _settled(self, reason: Reason, password: Secret | None, tag: str | None = None) -> tuple[Outcome, float]:
        """The failure is counted and told. The outcome, and how long to hold it back."""
        try:
            return step.FAILED, self._failure(reason, password, tag)
        except StoreError as problem:
            return self._unavailable(Reason.UNAVAILABLE, problem), 0.0

    def _failure(self, reason: Reason, password: Secret | None, tag: str | None) -> float:
        attempt, self._attempt = self._attempt or self._attempt_on(""), None  # "": it named no account
        failure = self._logins.guard.failed(attempt, password, reason, tag=tag)
        self._telling.failed(reason, failure)
        return failure.delay

    def _unavailable(self, reason: Reason, problem: MailwardError | None = None) -> Outcome:
        """We could not judge: not the client's failure, and never counted as one."""
        if problem is not None:
            _log.warning("session %s: a login could not be judged: %s", self._peer.session, problem)
        self._close()
        self._let_go()
        self._telling.refused(reason)
        return step.UNAVAILABLE

    def _attempt_on(self, account: str, *, barred: bool = False) -> Attempt:
        peer = self._peer
        return Attempt(peer.source, account, self._mechanism, peer.listener, peer.session, barred)


def _canonical(authzid: str) -> str | None:
    try:
        return canonical(authzid)
    except InputError:
        return None
