"""Handing a queued message to the next server, with the client's own flow (RFC 5321 §4.5.4, smarthost delivery)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.client.breaker import forget_refusals
from mailward.client.deliver import Deliverer
from mailward.client.judgement import Delivery
from mailward.client.limits import Limits
from mailward.client.options import ClientOptions, client_options
from mailward.client.pool import Pool
from mailward.client.submission import Submission
from mailward.client.url import parse_target
from mailward.errors import (
    ConnectError,
    InputError,
    InvalidConfig,
    MailwardError,
    PermanentReply,
    RecipientsRefused,
)
from mailward.net.aio import AioPorts
from mailward.printable import printable
from mailward.sasl.saslprep import prepare_name, prepare_password
from mailward.secret import Secret
from mailward.server import state_directory
from mailward.store.message import BOUNCED, DEFERRED, DELIVERED, StoredMessage
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from mailward.client.receipt import RecipientResult
    from mailward.server.config import DeliveryConfig
    from mailward.server.queue.manager import Results
    from mailward.wire.reply import Reply

_OURS: Final = frozenset({530, 534, 535, 538})  # our login is wrong, not the message: keep it until that is mended
_TOO_MANY: Final = frozenset({"4.5.3", "5.5.3"})  # enhanced codes of RCPT past what the server takes at once
_OF_THIS_SLICE: Final = (RecipientsRefused, PermanentReply, InputError)  # after these the next recipients are tried
_MOST: Final = 100  # recipients of one transaction; every server takes as many (RFC 5321 §4.5.3.1.8)
_REST: Final = 20.0  # seconds after the last delivery when the sessions are ended
_HOLD: Final = 30.0  # seconds without another attempt when no session could be opened; doubled each time
_HOLD_NOBODY: Final = 1.0  # the same when nobody was there or would talk to us: no login has failed
_LONGEST_HOLD: Final = 300.0


class Hold:
    """Whether a session may be opened now: a login that fails is made once, not once for each message that waits.

    `proven`: sessions can be opened, as far as is known. While they are not, one delivery tries and the others wait
    for what it finds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.proven = False
        self.trying = asyncio.Lock()
        self._now = now
        self._until = float("-inf")
        self._length = 0.0
        self._reason = ""

    def check(self) -> None:
        """Raises ConnectError, with the words of the last failure, while nothing is to be tried."""
        if self._now() < self._until:
            raise ConnectError(self._reason, phase="connect")

    def failed(self, problem: MailwardError) -> None:
        """Failures of the same moment count as one."""
        self.proven = False
        self._reason = problem.message
        if self._now() >= self._until:
            shortest = _HOLD_NOBODY if isinstance(problem, ConnectError) else _HOLD
            self._length = min(max(self._length * 2.0, shortest), _LONGEST_HOLD)
            self._until = self._now() + self._length

    def succeeded(self) -> None:
        self.proven = True
        self._length = 0.0


class Relay:
    """Sessions to one next server, kept while there is something to send. now: seconds of a clock nobody sets."""

    def __init__(self, options: ClientOptions, *, now: Callable[[], float]) -> None:
        self._deliverer = Deliverer(options, AioPorts(), Pool())
        self._hosts = [endpoint.host for endpoint in options.endpoints]
        self._hold = Hold(now)
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None

    @classmethod
    def to(
        cls, delivery: DeliveryConfig, *, hostname: str, sessions: int, now: Callable[[], float] = time.monotonic
    ) -> Relay:
        """Raises InvalidConfig when the URL, the CA, the user or the password file cannot be used."""
        try:
            options = client_options(
                delivery.to,
                None,
                auth=_auth(delivery),
                tls="auto",
                ca=delivery.ca,
                timeout=None,
                limits=Limits(connections=sessions),
                local_address=None,
                ehlo_name=hostname,
            )
        except InvalidConfig:
            raise
        except InputError as problem:
            raise InvalidConfig(problem.message, key="delivery.to", advice=problem.advice) from problem
        return cls(options, now=now)

    async def deliver(self, message: StoredMessage, content: bytes, addresses: tuple[str, ...]) -> Results:
        """What became of each of `addresses`. A reply that never came is tried again: at least once, never not.

        Only what is wrong with the message itself bounces; what is wrong with our sessions puts it off.
        """
        try:
            submission = Submission.of(
                Mailbox.parse(message.envelope_from) if message.envelope_from else None,
                tuple(map(Mailbox.parse, addresses)),
                content,
            )
        except InputError as problem:
            return _all(addresses, BOUNCED, problem)
        self._under_way += 1
        try:
            return await self._in_slices(submission, addresses)
        finally:
            self._under_way -= 1
            self._rest_later()

    async def _in_slices(self, submission: Submission, addresses: tuple[str, ...]) -> Results:
        """A transaction for as many recipients as the server takes at once, until all have had theirs.

        Those of whom it says that they are too many are in the next one at once (RFC 5321 §4.5.3.1.10).
        """
        results: dict[str, tuple[str, str]] = {}
        waiting = dict(zip(addresses, submission.recipients, strict=True))
        most = _MOST
        while waiting:
            part = replace(submission, recipients=tuple(waiting.values()))
            try:
                delivery = await self._transact(part, most)
            except MailwardError as problem:
                return results | _all(waiting, DEFERRED, problem)
            told = dict(zip(waiting, delivery.receipt.recipients, strict=False))
            taken = sum(result.accepted for result in told.values())
            for address, result in told.items():
                if taken and _one_too_many(result):
                    most = taken
                else:
                    results[address] = _verdict(result, delivery)
                    del waiting[address]
            if delivery.error is not None and not isinstance(delivery.error, _OF_THIS_SLICE):
                return results | _all(waiting, DEFERRED, delivery.error)
        return results

    async def _transact(self, submission: Submission, most: int) -> Delivery:
        """Raises what goes wrong before there is a session."""
        if not self._hold.proven:
            async with self._hold.trying:
                await self._prove()
        try:
            return await self._deliverer.deliver(submission, until=self._deliverer.end_of_call(), most=most)
        except MailwardError as problem:
            self._hold.failed(problem)
            raise

    async def _prove(self) -> None:
        """Open a session, for the first who needs it."""
        if self._hold.proven:
            return
        self._hold.check()
        for host in self._hosts:
            forget_refusals(host)  # the hold limits failed logins here: the next server may have been mended since
        try:
            await self._deliverer.warm(until=self._deliverer.end_of_call())
        except MailwardError as problem:
            self._hold.failed(problem)
            raise
        self._hold.succeeded()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._deliverer.close()

    def _rest_later(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(_REST, self._rest)

    def _rest(self) -> None:
        if not self._under_way:
            self._hold.proven = False
            self._resting = asyncio.get_running_loop().create_task(self._deliverer.close())


def _all(addresses: Iterable[str], state: str, problem: MailwardError) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(addresses, (state, f"local: {printable(problem.message)}"))


def _one_too_many(result: RecipientResult) -> bool:
    return not result.accepted and result.reply is not None and result.reply.enhanced in _TOO_MANY


def _verdict(result: RecipientResult, delivery: Delivery) -> tuple[str, str]:
    if result.accepted:
        return DELIVERED, str(delivery.receipt.reply or "")
    reply = _deciding_reply(result, delivery)
    if reply is not None:
        final = reply.permanent and reply.code not in _OURS
        return (BOUNCED if final else DEFERRED), str(reply)
    error = delivery.error
    said = f"local: {printable(error.message)}" if error is not None else "local: no reply"
    return (BOUNCED if isinstance(error, InputError) else DEFERRED), said


def _deciding_reply(result: RecipientResult, delivery: Delivery) -> Reply | None:
    """Once MAIL is refused, what RCPT hears (503, as a rule) says nothing of the recipient: MAIL's reply decides."""
    if delivery.error is not None and delivery.error.phase == "mail":
        return delivery.receipt.reply or result.reply
    return result.reply or delivery.receipt.reply


def _auth(delivery: DeliveryConfig) -> tuple[str, Secret] | None:
    user = parse_target(delivery.to).user
    if user is None:
        return None
    if delivery.password_file is None:
        raise InvalidConfig(
            "delivery.to names a user", key="delivery.password_file", advice="say where its password is"
        )
    path = Path(delivery.password_file)
    fault = state_directory.private_fault(path)
    if fault is not None:
        raise InvalidConfig(fault, key="delivery.password_file")
    try:
        password = state_directory.read_bounded(path).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidConfig(f"{path} cannot be read", key="delivery.password_file") from problem
    _check(prepare_name, user, key="delivery.to")
    _check(prepare_password, password, key="delivery.password_file")
    return user, Secret(password)


def _check(prepare: Callable[[str], str], text: str, *, key: str) -> None:
    """What no login can carry is told at the start, and not when the mail is to leave."""
    try:
        prepare(text)
    except InputError as problem:
        raise InvalidConfig(problem.message, key=key, advice=problem.advice) from None
