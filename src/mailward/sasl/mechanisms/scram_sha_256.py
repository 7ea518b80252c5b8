"""SCRAM-SHA-256: the password is proved, never shown, and the server proves that it knows it too (RFC 7677)."""

from __future__ import annotations

from mailward.sasl.mechanism import ChannelBinding, Mechanism, ServerExchange
from mailward.sasl.scram_client import unbound
from mailward.sasl.scram_exchange import server_exchange


def server(
    initial_response: bytes | None, /, *, bindings: tuple[ChannelBinding, ...], plus_offered: bool, nonce: str
) -> ServerExchange:
    return server_exchange(initial_response, plus=False, bindings=bindings, plus_offered=plus_offered, nonce=nonce)


MECHANISM = Mechanism(name="SCRAM-SHA-256", strength=30, client=unbound("sha256"), server=server)
