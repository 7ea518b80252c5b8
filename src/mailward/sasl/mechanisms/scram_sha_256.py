"""SCRAM-SHA-256: the password is proved, never shown, and the server proves that it knows it too (RFC 7677)."""

from __future__ import annotations

from mailward.sasl.mechanism import ChannelBinding, ClientExchange, Credentials, Mechanism, ServerExchange
from mailward.sasl.scram_exchange import client_exchange, server_exchange


def client(
    credentials: Credentials, /, *, binding: ChannelBinding | None, server_offers_plus: bool, nonce: str
) -> ClientExchange:
    # "y" makes a stripped -PLUS visible to the server. Where -PLUS was seen and not taken, "y" would be a lie.
    gs2_flag = "y" if binding and not server_offers_plus else "n"
    return client_exchange(credentials, gs2_flag=gs2_flag, binding=b"", nonce=nonce)


def server(
    initial_response: bytes | None, /, *, bindings: tuple[ChannelBinding, ...], plus_offered: bool, nonce: str
) -> ServerExchange:
    return server_exchange(initial_response, plus=False, bindings=bindings, plus_offered=plus_offered, nonce=nonce)


MECHANISM = Mechanism(name="SCRAM-SHA-256", strength=30, client=client, server=server)
