"""The client's roles of SCRAM for each hash, without and with channel binding (RFC 5802 §6)."""

from __future__ import annotations

from mailward.errors import MechanismUnavailable
from mailward.sasl.mechanism import ChannelBinding, ClientExchange, ClientRole, Credentials
from mailward.sasl.scram_exchange import client_exchange


def unbound(hash_name: str) -> ClientRole:
    """SCRAM-…: "n" or "y" is said of channel binding."""

    def client(
        credentials: Credentials, /, *, binding: ChannelBinding | None, server_offers_plus: bool, nonce: str
    ) -> ClientExchange:
        # "y" makes a stripped -PLUS visible to the server. Where -PLUS was seen and not taken, "y" would be a lie.
        gs2_flag = "y" if binding and not server_offers_plus else "n"
        return client_exchange(credentials, gs2_flag=gs2_flag, binding=b"", nonce=nonce, hash_name=hash_name)

    return client


def bound(hash_name: str) -> ClientRole:
    """SCRAM-…-PLUS: nobody can sit in the middle of the channel."""

    def client(
        credentials: Credentials, /, *, binding: ChannelBinding | None, nonce: str, **_: object
    ) -> ClientExchange:
        if binding is None:
            raise MechanismUnavailable("a SCRAM mechanism with -PLUS needs a channel binding", phase="auth")
        flag = f"p={binding.type}"
        return client_exchange(credentials, gs2_flag=flag, binding=binding.data, nonce=nonce, hash_name=hash_name)

    return client
