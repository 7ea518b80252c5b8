"""One login attempt, never more, by the strongest mechanism both sides know (RFC 4954, RFC 5802).

A second attempt with another mechanism would count as a second failed login, so a refusal ends it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mailward.client.receipt import AuthInfo
from mailward.errors import (
    AuthError,
    AuthUnavailable,
    BadCredentials,
    MailwardError,
    MechanismUnavailable,
    ProtocolError,
    SaslError,
)
from mailward.printable import printable
from mailward.sasl.channel_binding import bindings_of
from mailward.sasl.mechanism import finish, respond
from mailward.sasl.register import choose
from mailward.wire.command import Auth
from mailward.wire.response import decode_base64

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailward.client.conversation import Conversation
    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import ChannelBinding, ClientExchange, Credentials, Mechanism
    from mailward.wire.reply import Reply

_MOST_ROUNDS = 10
_LONGEST_COMMAND = 512  # RFC 4954 §4: an initial response that does not fit waits for the first challenge


async def authenticate(
    conversation: Conversation, credentials: Credentials, *, certificate: bytes | None, ports: Ports
) -> AuthInfo:
    """`certificate`: DER of the server's, None outside TLS. Raises AuthError, SaslError, MailwardError."""
    offered = conversation.keywords.auth
    bindings = bindings_of(certificate) if any(name.startswith("SCRAM-") for name in offered) else ()
    mechanism = choose(offered, tls=certificate is not None, bindings=bindings)
    exchange = _begin(mechanism, credentials, bindings, offered=offered, nonce=ports.nonce())
    try:
        reply = await _exchange(conversation, mechanism, exchange, ports)
        if reply.code == 235:
            finish(exchange)
    except MailwardError as error:
        raise without_trace(error)  # noqa: B904  # its frames hold what was said
    if reply.code != 235:
        raise _refusal(reply, credentials.authcid, mechanism.name)
    return AuthInfo(mechanism.name, bindings[0].type if mechanism.needs_binding else None)


def _begin(
    mechanism: Mechanism,
    credentials: Credentials,
    bindings: tuple[ChannelBinding, ...],
    *,
    offered: tuple[str, ...],
    nonce: str,
) -> ClientExchange:
    return mechanism.client(
        credentials,
        binding=bindings[0] if bindings else None,
        server_offers_plus=any(name.endswith("-PLUS") for name in offered),
        nonce=nonce,
    )


async def _exchange(conversation: Conversation, mechanism: Mechanism, exchange: ClientExchange, ports: Ports) -> Reply:
    """The last reply, which is no challenge."""
    reply, waiting = await _opened(conversation, mechanism, next(exchange))
    for _ in range(_MOST_ROUNDS):
        if not reply.intermediate:
            return reply
        if waiting is not None:
            reply, waiting = await conversation.respond(waiting), None
            continue
        try:
            answer = await ports.compute(_answer(exchange, _challenge(reply)))
        except SaslError:
            await _cancel(conversation)
            raise
        reply = await conversation.respond(answer)
    await _cancel(conversation)
    raise SaslError(f"the server asked more than {_MOST_ROUNDS} times", phase="auth")


async def _opened(conversation: Conversation, mechanism: Mechanism, initial: bytes) -> tuple[Reply, bytes | None]:
    """The reply to AUTH, and the initial response if it is still to be said."""
    command = Auth(mechanism.name, initial)
    if len(command.encode()) <= _LONGEST_COMMAND:
        return await conversation.ask(command), None
    return await conversation.ask(Auth(mechanism.name, None)), initial


async def _cancel(conversation: Conversation) -> None:
    with suppress(MailwardError):  # why we cancel matters more
        await conversation.respond(None)


def _answer(exchange: ClientExchange, challenge: bytes) -> Callable[[], bytes]:
    return lambda: respond(exchange, challenge)


def _challenge(reply: Reply) -> bytes:
    try:
        return decode_base64(reply.text.encode("ascii"))
    except (ProtocolError, UnicodeEncodeError):
        raise SaslError("the server's challenge is not base64", phase="auth") from None


def without_trace(error: MailwardError) -> MailwardError:
    """The same error without the frames below, whose variables are what was sent."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _refusal(reply: Reply, user: str, mechanism: str) -> AuthError:
    kind, advice = _kind(reply.code)
    return kind(
        f"the server refused the login of {printable(user, 100)} by {mechanism}: {reply}",
        phase="auth",
        code=reply.code,
        enhanced_code=reply.enhanced,
        advice=advice,
    )


def _kind(code: int) -> tuple[type[AuthError], str]:
    if code == 535:
        return BadCredentials, "check user name and password; trying the same again only counts against the account"
    if code in (504, 534, 538):
        return MechanismUnavailable, "the server wants another way to log in: see its reply"
    if code < 500:
        return AuthUnavailable, "the server judges no login now; wait before the next try"
    return AuthError, "see the server's reply"
