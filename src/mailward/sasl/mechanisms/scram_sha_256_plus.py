"""SCRAM-SHA-256-PLUS: as SCRAM-SHA-256, and nobody can sit in the middle of the channel (RFC 5802 §6, RFC 7677)."""

from __future__ import annotations

from mailward.errors import MechanismUnavailable
from mailward.sasl.mechanism import ChannelBinding, ClientExchange, Credentials, Mechanism, ServerExchange
from mailward.sasl.scram_exchange import client_exchange, server_exchange


def client(credentials: Credentials, /, *, binding: ChannelBinding | None, nonce: str, **_: object) -> ClientExchange:
    if binding is None:
        raise MechanismUnavailable("SCRAM-SHA-256-PLUS needs a channel binding", phase="auth")
    return client_exchange(credentials, gs2_flag=f"p={binding.type}", binding=binding.data, nonce=nonce)


def server(
    initial_response: bytes | None, /, *, bindings: tuple[ChannelBinding, ...], plus_offered: bool, nonce: str
) -> ServerExchange:
    return server_exchange(initial_response, plus=True, bindings=bindings, plus_offered=plus_offered, nonce=nonce)


MECHANISM = Mechanism(name="SCRAM-SHA-256-PLUS", strength=40, needs_binding=True, client=client, server=server)
