"""A conversation inside TLS with a server on loopback, as far as the login, and one that logs in there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mailward.client.authorities import trusting
from mailward.client.conversation import Conversation
from mailward.client.credentials import Authority
from mailward.client.log_in import log_in
from mailward.client.options import Timeout
from mailward.client.secure import certificate_of
from mailward.client.url import Target
from mailward.net.tls_stream import TlsStream
from mailward.wire.command import Ehlo
from mailward.wire.tls import TlsLayer
from tests.support.certificates import authority as test_authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mailward.client.authorities import Ca
    from mailward.client.receipt import AuthInfo
    from mailward.net.ports import Ports

HOST = "127.0.0.1"


@asynccontextmanager
async def talking(ports: Ports, port: int, ca: Ca | None = None, *, total: float = 20.0) -> AsyncIterator[Conversation]:
    """With implicit TLS, after EHLO."""
    layer = TlsLayer(trusting(ca or test_authority().pem), server_side=False, server_hostname=HOST)
    stream = TlsStream(await ports.connect(HOST, port, within=5), layer, clock=ports.now)
    conversation = Conversation(stream, ports, Timeout(), until=ports.now() + total)
    try:
        await stream.handshake(within=5)
        await conversation.greeting()
        await conversation.ask(Ehlo("client.test"))
        yield conversation
    finally:
        stream.abort()


async def logged_in(
    ports: Ports, port: int, authority: Authority, ca: Ca | None = None, *, total: float = 20.0
) -> AuthInfo:
    """One connection, one login."""
    async with talking(ports, port, ca, total=total) as conversation:
        return await login_in(conversation, ports, port, authority, until=ports.now() + total)


async def login_in(
    conversation: Conversation, ports: Ports, port: int, authority: Authority, *, until: float | None
) -> AuthInfo:
    assert isinstance(conversation.stream, TlsStream)
    return await log_in(
        conversation,
        authority,
        host=HOST,
        port=port,
        until=until,
        certificate=certificate_of(conversation.stream),
        ports=ports,
    )


def authority_of(auth: Any, mechanisms: Sequence[str] | None = None) -> Authority:
    """What a client makes of `auth=`."""
    authority = Authority.of(auth, Target(HOST), mechanisms)
    assert authority is not None
    return authority
