"""SCRAM-SHA-256-PLUS: as SCRAM-SHA-256, and nobody can sit in the middle of the channel (RFC 5802 §6, RFC 7677)."""

from __future__ import annotations

from mailward.sasl.mechanism import ChannelBinding, Mechanism, ServerExchange
from mailward.sasl.scram_client import bound
from mailward.sasl.scram_exchange import server_exchange


def server(
    initial_response: bytes | None, /, *, bindings: tuple[ChannelBinding, ...], plus_offered: bool, nonce: str
) -> ServerExchange:
    return server_exchange(initial_response, plus=True, bindings=bindings, plus_offered=plus_offered, nonce=nonce)


MECHANISM = Mechanism(name="SCRAM-SHA-256-PLUS", strength=45, needs_binding=True, client=bound("sha256"), server=server)
