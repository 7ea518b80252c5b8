"""One login attempt, never more, by the strongest mechanism both sides know (RFC 4954, RFC 5802).

A second attempt with another mechanism would count as a second failed login, so a refusal ends it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mailward.client.login_refusal import refusal
from mailward.client.receipt import AuthInfo
from mailward.errors import MailwardError, ProtocolError, SaslError
from mailward.sasl.channel_binding import bindings_of, exporter_of
from mailward.sasl.mechanism import finish, refused, respond
from mailward.sasl.register import choose
from mailward.wire.command import Auth
from mailward.wire.response import decode_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailward.client.conversation import Conversation
    from mailward.errors import AuthError
    from mailward.net.ports import Ports
    from mailward.sasl.channel_binding import Exporter
    from mailward.sasl.mechanism import ChannelBinding, ClientExchange, Credentials, Mechanism
    from mailward.wire.reply import Reply

_MOST_ROUNDS = 10
_LONGEST_COMMAND = 512  # RFC 4954 §4: an initial response that does not fit waits for the first challenge
_BINDS = ("SCRAM-", "NTLM")  # whether it is worth while to read the certificate


async def authenticate(
    conversation: Conversation,
    credentials: Credentials,
    *,
    allowed: Sequence[str] | None = None,
    certificate: bytes | None,
    ports: Ports,
    check: Callable[[Mechanism, Sequence[str]], None] | None = None,
) -> AuthInfo:
    """Raises AuthError, SaslError, MailwardError; whatever `check` raises comes before a word is said.

    allowed: the only mechanisms, None for all that fit. certificate: DER of the server's, None outside TLS. check: is
    called with the mechanism and what the server offers.
    """
    offered = conversation.keywords.auth
    wanted = any(name.upper().startswith(_BINDS) for name in offered)
    bindings = bindings_of(certificate, exporter=_exporter(conversation.stream)) if wanted else ()
    private = certificate is not None or not conversation.stream.peername  # TLS, or a Unix socket
    mechanism = choose(offered, kind=credentials.kind, tls=private, bindings=bindings, allowed=allowed)
    if check is not None:
        check(mechanism, offered)
    try:
        refused_by = await _tried(conversation, credentials, mechanism, bindings, ports=ports)
    except MailwardError as error:
        raise without_trace(error)  # noqa: B904  # its frames hold what was said
    if refused_by is not None:
        raise refused_by
    return AuthInfo(mechanism.name, bindings[0].type if mechanism.needs_binding else None)


async def _tried(
    conversation: Conversation,
    credentials: Credentials,
    mechanism: Mechanism,
    bindings: tuple[ChannelBinding, ...],
    *,
    ports: Ports,
) -> AuthError | None:
    """The refusal, made here: the frame that raises it holds nothing that the server said."""
    exchange = _begin(mechanism, credentials, bindings, offered=conversation.keywords.auth, nonce=ports.nonce())
    reply = await _exchange(conversation, mechanism, exchange, ports)
    if reply.code == 235:
        finish(exchange)
        return None
    return refusal(reply, credentials, mechanism=mechanism.name, told=refused(exchange))


def _exporter(stream: object) -> Exporter | None:
    """Of a TLS stream."""
    layer = getattr(stream, "layer", None)
    return None if layer is None else exporter_of(layer.tls_object)


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
        server_offers_plus=any(name.upper().endswith("-PLUS") for name in offered),
        nonce=nonce,
    )


async def _exchange(conversation: Conversation, mechanism: Mechanism, exchange: ClientExchange, ports: Ports) -> Reply:
    """The last reply, which is no challenge."""
    initial = await ports.compute(lambda: next(exchange))  # Kerberos asks its servers for a ticket
    reply, waiting = await _opened(conversation, mechanism, initial)
    for _ in range(_MOST_ROUNDS):
        if not reply.intermediate:
            return reply
        if waiting is not None:
            reply, waiting = await conversation.respond(waiting), None
            continue
        try:
            answer = await ports.compute(_answer(exchange, _challenge(reply)))
        except MailwardError:
            await _cancel(conversation)
            raise
        reply = await conversation.respond(answer)
    await _cancel(conversation)
    raise SaslError(f"the server asked more than {_MOST_ROUNDS} times", phase="auth")


async def _opened(conversation: Conversation, mechanism: Mechanism, initial: bytes) -> tuple[Reply, bytes | None]:
    """The reply to AUTH, and the initial response if it is still to be said."""
    if mechanism.server_first:
        return await conversation.ask(Auth(mechanism.name, None)), None
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
