"""Wrong passwords on purpose: does a server notice guessing, slow it down and stop it (MITRE T1110.001)?

Every password is random, so none can be right. Connections are kept as long as the server keeps them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mailward.client.authenticate import authenticate
from mailward.client.connecting import connect
from mailward.client.opening import Opening
from mailward.client.secure import certificate_of
from mailward.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    InputError,
    MailwardError,
)
from mailward.net.tls_stream import TlsStream
from mailward.printable import printable
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.client.options import ClientOptions
    from mailward.client.session import Session
    from mailward.net.ports import Ports

MOST_ATTEMPTS = 20
_LOOK = 0.05  # seconds to see whether the server has hung up after its reply
_NOTICEABLE = 0.2  # seconds; a delay that grew by less may be chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One wrong password. `code`: None when the connection ended without a reply. `delay`: seconds to the reply.

    `position`: how many on this connection. `closed`: the server then hung up. `began`, `ended`: our clock, UTC.
    """

    number: int
    position: int
    mechanism: str
    code: int | None
    reply: str
    delay: float
    closed: bool
    began: datetime
    ended: datetime

    @property
    def judged(self) -> bool:
        """Whether the server looked at the password (535), rather than refusing to."""
        return self.code is not None and self.code >= 500

    @property
    def accepted(self) -> bool:
        return self.code == 235


@dataclass(frozen=True, slots=True)
class Drill:
    """Whom to try, as whom, how often. `options`: without credentials. Raises InputError."""

    options: ClientOptions
    user: str
    wrong: int
    allow_public: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.wrong <= MOST_ATTEMPTS:
            raise InputError(f"a drill makes 1 to {MOST_ATTEMPTS} attempts, not {self.wrong}", phase="drill")


async def run(drill: Drill, ports: Ports, *, tell: Callable[[Attempt], None]) -> tuple[Attempt, ...]:
    """Make the attempts one after the other; `tell` hears each. Ends early if the server accepts one.

    Raises ConnectError, TlsError, … when not even the first could be made; InputError for a public address.
    """
    attempts: list[Attempt] = []
    visitor = _Visitor(drill, ports)
    try:
        while len(attempts) < drill.wrong and not any(attempt.accepted for attempt in attempts):
            attempts.append(await visitor.attempt(len(attempts) + 1))
            tell(attempts[-1])
    finally:
        await visitor.leave()
    return tuple(attempts)


def throttled_from(attempts: Sequence[Attempt]) -> int | None:
    """The first attempt whose reply took noticeably longer than the quickest before it."""
    quickest = float("inf")
    for attempt in attempts:
        if attempt.delay >= max(quickest + _NOTICEABLE, 1.5 * quickest):
            return attempt.number
        quickest = min(quickest, attempt.delay)
    return None


def locked_from(attempts: Sequence[Attempt]) -> int | None:
    """The first attempt from which on no password was looked at any more (454, 421, or no session at all)."""
    first = None
    for attempt in reversed(attempts):
        if attempt.judged or attempt.accepted:
            break
        first = attempt
    if first is None or (first is attempts[-1] and first.code == 421 and first.position > 1):
        return None  # the last word to this connection need not be the last word to us
    return first.number


class _Visitor:
    """Keeps the session that is open, if one is."""

    def __init__(self, drill: Drill, ports: Ports) -> None:
        self._drill = drill
        self._ports = ports
        self._session: Session | None = None
        self._position = 0

    async def attempt(self, number: int) -> Attempt:
        began, start = self._ports.utc(), self._ports.now()
        try:
            session = self._session or await self._open()
        except (ConnectError, ConnectionLost, DeadlineExceeded) as error:
            if number == 1:
                raise
            return self._told(number, error, began=began, start=start)
        self._position += 1
        start = self._ports.now()
        credentials = Credentials(self._drill.user, Secret(f"wrong {number} {self._ports.nonce()}"))
        try:
            told: AuthError | ConnectionLost | str = await self._login(session, credentials)
        except (AuthError, ConnectionLost) as error:
            if isinstance(error, AuthError) and error.code is None:
                raise  # no mechanism in common: nothing was tried
            told = error
        attempt = self._told(number, told, began=began, start=start)
        closed = isinstance(told, ConnectionLost) or await self._hung_up(session)
        if closed:
            await self.leave()
        return replace(attempt, closed=closed)

    async def leave(self) -> None:
        session, self._session, self._position = self._session, None, 0
        if session is not None:
            await session.end()

    async def _open(self) -> Session:
        options = replace(self._drill.options, endpoints=self._drill.options.endpoints[:1])
        endpoint, stream = await connect(options, self._ports, until=None)
        if not self._drill.allow_public and not _is_ours(stream.peername):
            stream.abort()
            raise InputError(
                f"{endpoint} is {stream.peername}, a public address: a drill there looks like an attack",
                phase="drill",
                advice="only against your own server, and with its owner's consent: --allow-public",
            )
        self._session = await Opening(endpoint, options, self._ports, until=None).session(stream)
        return self._session

    async def _login(self, session: Session, credentials: Credentials) -> str:
        stream = session.conversation.stream
        shown = certificate_of(stream) if isinstance(stream, TlsStream) else None
        made = await authenticate(session.conversation, credentials, certificate=shown, ports=self._ports)
        return made.mechanism

    async def _hung_up(self, session: Session) -> bool:
        try:
            await session.conversation.stream.read(1, within=_LOOK)
        except DeadlineExceeded:
            return False
        except MailwardError:
            pass  # however it ended, it did
        session.abort()
        return True

    def _told(self, number: int, told: MailwardError | str, *, began: datetime, start: float) -> Attempt:
        """`told`: how it was refused, or the mechanism by which it was accepted."""
        delay = self._ports.now() - start
        mechanism, reply = (told, "accepted") if isinstance(told, str) else _reply_in(told, self._drill.user)
        return Attempt(
            number=number,
            position=self._position,
            mechanism=mechanism,
            code=235 if isinstance(told, str) else told.code,
            reply=reply,
            delay=delay,
            closed=not isinstance(told, AuthError | str),
            began=began,
            ended=self._ports.utc(),
        )


def _reply_in(error: MailwardError, user: str) -> tuple[str, str]:
    """(mechanism, reply) of a refused login; ("", what happened) of anything else."""
    _, mark, rest = error.message.partition(f"{printable(user, 100)} by ")
    if not mark:
        return "", error.message
    mechanism, _, reply = rest.partition(": ")
    return mechanism, reply


def _is_ours(address: str) -> bool:
    if not address:
        return True  # a Unix socket
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip.is_loopback or ip.is_private or ip.is_link_local
