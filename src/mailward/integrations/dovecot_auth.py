"""The server of the Dovecot authentication protocol: the logins of Postfix, Exim and Dovecot are decided here."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol

from mailward.errors import InputError, ProtocolError
from mailward.guard.source import Source, canonical_source
from mailward.integrations import dovecot_message as messages
from mailward.integrations.dovecot_message import Begin, Cancel, Continue, Message
from mailward.integrations.opening import Channel, Conversation
from mailward.login.login import PATIENCE
from mailward.login.peer import Peer
from mailward.login.step import Challenge, Outcome, Result, Step
from mailward.printable import printable
from mailward.sasl.mechanism import Mechanism
from mailward.sasl.register import server_mechanisms

MOST_IN_FLIGHT: Final = 100  # logins of one connection; Postfix has one, Dovecot's login processes many
LISTENER: Final = "dovecot-auth"
_LAST: Final = 10.0  # seconds that a closing door waits for the logins that it has begun
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_SMTP = frozenset({"smtp", "submission", "submissions", "lmtp"})
_FAILED = "the user name or the password is not right"
_LATER = "try again later"
_EXPOSED = "only over TLS"
_log = logging.getLogger("mailward.integrations")


class Exchange(Protocol):
    """The part of `mailward.login.login.Login` that is used here."""

    async def begin(self, initial_response: bytes | None) -> Step: ...

    async def respond(self, response: bytes | None) -> Step: ...

    def exposed(self) -> Outcome: ...

    def lost(self) -> None: ...

    def fault(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DovecotAuth:
    """What every connection shares. login: begins one. mechanisms: the names offered. new_id: a name for a session.

    cookie: fresh and unguessable, 32 hexadecimal digits. process: our own number.
    """

    loop: asyncio.AbstractEventLoop
    login: Callable[[Peer, str], Exchange]
    mechanisms: Callable[[], tuple[str, ...]]
    new_id: Callable[[], str]
    cookie: Callable[[], str]
    process: int
    _numbers: count[int]
    _work: set[asyncio.Task[None]]

    @classmethod
    def of(
        cls,
        loop: asyncio.AbstractEventLoop,
        *,
        login: Callable[[Peer, str], Exchange],
        mechanisms: Callable[[], tuple[str, ...]],
        new_id: Callable[[], str],
        cookie: Callable[[], str],
        process: int,
    ) -> DovecotAuth:
        return cls(
            loop=loop,
            login=login,
            mechanisms=mechanisms,
            new_id=new_id,
            cookie=cookie,
            process=process,
            _numbers=count(1),
            _work=set(),
        )

    def conversation(self, channel: Channel) -> Conversation:
        """For `OpenDoor.of`."""
        return DovecotAuthConversation(self, channel)

    def greeting(self) -> bytes:
        return messages.greeting(
            [mechanism for name in self.mechanisms() if (mechanism := self.offered(name)) is not None],
            process=self.process,
            connection=next(self._numbers),
            cookie=self.cookie(),
        )

    def offered(self, name: str) -> Mechanism | None:
        """No channel binding comes through here, so what needs one is not offered."""
        mechanism = server_mechanisms().get(name) if name in self.mechanisms() else None
        return None if mechanism is None or mechanism.needs_binding else mechanism

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to its end even if the connection goes away: a guess is judged whoever hangs up."""
        task = self.loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    async def finish(self) -> None:
        """What is under way is judged, and counted, before the guard closes; what takes too long is called off."""
        if self._work:
            _, left = await asyncio.wait(self._work, timeout=_LAST)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            _log.error("a login over the Dovecot protocol broke: %s", type(problem).__name__)


class _Request:
    """A login under way. judging: it is the server's turn."""

    def __init__(self, id_: int, exchange: Exchange) -> None:
        self.id = id_
        self.exchange = exchange
        self.judging = True
        self.gone = False
        self.timer: asyncio.TimerHandle | None = None


class DovecotAuthConversation:
    """One connection. Its logins are told apart by their numbers and go on side by side."""

    def __init__(self, door: DovecotAuth, channel: Channel) -> None:
        self._door = door
        self._channel = channel
        self._reader = messages.Reader()
        self._requests: dict[int, _Request] = {}
        channel.write(door.greeting())

    def received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._hear(message)
        except ProtocolError as problem:
            _log.warning("a connection was closed: %s", problem)
            self._channel.close()

    def lost(self) -> None:
        for request in list(self._requests.values()):
            self._leave(request)

    def _hear(self, message: Message) -> None:
        match message:
            case Begin():
                self._begin(message)
            case Continue():
                self._continue(message)
            case Cancel():
                self._cancel(message)

    def _begin(self, message: Begin) -> None:
        if message.id in self._requests:
            raise ProtocolError(f"dovecot authentication protocol: request {message.id} is not over", phase="door")
        if len(self._requests) >= MOST_IN_FLIGHT:
            self._channel.write(messages.failure(message.id, reason=_LATER, temporary=True))
            return
        known = server_mechanisms().get(message.mechanism)
        if (
            known is None
            or known.needs_binding
            or message.mechanism not in self._door.mechanisms()
            or message.malformed
        ):
            self._channel.write(messages.failure(message.id, reason=_FAILED))
            return
        peer = self._peer(message)
        if peer is None:
            self._channel.write(messages.failure(message.id, reason=_LATER, temporary=True))
            return
        exchange = self._door.login(peer, message.mechanism)
        if known.reveals_password and peer.tls is None and not peer.source.is_loopback:
            exchange.exposed()
            self._channel.write(messages.failure(message.id, reason=_EXPOSED))
            return
        request = self._requests[message.id] = _Request(message.id, exchange)
        self._door.spawn(self._judge(request, exchange.begin(message.response)))

    def _peer(self, message: Begin) -> Peer | None:
        """Who knocks at the other server. Without an address there is nobody to count failures against."""
        parameters = message.parameters
        try:
            source: Source = canonical_source(parameters.get("rip", ""))
        except InputError:
            _log.warning(
                "a login was refused: the server that asks does not say where it comes from (rip=%s)",
                printable(parameters.get("rip", ""), 80),
            )
            return None
        service = parameters.get("service", "").lower()
        if not _SERVICE.fullmatch(service):
            service = "unknown"
        return Peer(
            source=source,
            listener=f"{LISTENER}:{service}",
            session=self._door.new_id(),
            service="smtp" if service in _SMTP else service,
            tls="TLS" if "secured" in parameters else None,
        )

    def _continue(self, message: Continue) -> None:
        request = self._requests.get(message.id)
        if request is None:  # it took too long, or was never there
            self._channel.write(messages.failure(message.id, reason=_FAILED))
            return
        if request.judging:
            raise ProtocolError(f"dovecot authentication protocol: request {message.id} was not asked", phase="door")
        self._take_turn(request)
        self._door.spawn(self._judge(request, request.exchange.respond(message.response)))

    def _cancel(self, message: Cancel) -> None:
        """Nobody waits for an answer."""
        request = self._requests.get(message.id)
        if request is None:
            return
        if request.judging:
            self._leave(request)
            return
        self._take_turn(request)
        request.gone = True
        del self._requests[request.id]
        self._door.spawn(self._judge(request, request.exchange.respond(None)))

    async def _judge(self, request: _Request, work: Coroutine[Any, Any, Step]) -> None:
        try:
            step = await work
        except BaseException:
            request.exchange.fault()
            self._end(request, messages.failure(request.id, reason=_LATER, temporary=True))
            raise
        request.judging = False
        if isinstance(step, Outcome):
            self._end(request, _verdict(request.id, step))
        elif request.gone:
            request.exchange.lost()
        else:
            self._ask(request, step)

    def _ask(self, request: _Request, step: Challenge) -> None:
        self._channel.write(messages.challenge(request.id, step.data))
        request.timer = self._door.loop.call_later(PATIENCE, self._leave, request)

    def _end(self, request: _Request, said: bytes) -> None:
        if not request.gone:
            del self._requests[request.id]
            self._channel.write(said)

    def _take_turn(self, request: _Request) -> None:
        request.judging = True
        if request.timer is not None:
            request.timer.cancel()
            request.timer = None

    def _leave(self, request: _Request) -> None:
        """The other side is gone, or says nothing for too long; a guess under way is judged to its end."""
        if request.timer is not None:
            request.timer.cancel()
        request.gone = True
        self._requests.pop(request.id, None)
        if not request.judging:
            request.exchange.lost()


def _verdict(id_: int, outcome: Outcome) -> bytes:
    match outcome.result:
        case Result.OK if outcome.account is not None:
            return messages.success(id_, outcome.account.name)
        case Result.THROTTLED | Result.UNAVAILABLE:
            return messages.failure(id_, reason=_LATER, temporary=True)
        case Result.EXPOSED:
            return messages.failure(id_, reason=_EXPOSED)
        case _:
            return messages.failure(id_, reason=_FAILED)
