from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
import scramp

from mailward.errors import MechanismUnavailable
from mailward.sasl.mechanism import ChannelBinding, ProofClaim, finish, respond
from mailward.sasl.mechanisms.scram_sha_256_plus import MECHANISM
from tests.sasl.dialogue import (
    BINDING,
    CLIENT_NONCE,
    ITERATIONS,
    OTHER_BINDING,
    Server,
    converse,
    credentials,
    keys_of,
    start_client,
)


def a_server(password: str = "pencil") -> Server:
    return Server({"ann": keys_of(password)}, bindings=(OTHER_TYPE, BINDING), plus_offered=True)


OTHER_TYPE = ChannelBinding("tls-exporter", b"keying material")


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("password", ["pencil", "pässwörd"])
def test_client_and_server(initial: bool, password: str) -> None:
    """The claim names the binding; the server takes the client's type of those it has."""
    client = start_client(MECHANISM, credentials("ann", password), binding=BINDING, server_offers_plus=True)

    claim = converse(client, MECHANISM, a_server(password), initial=initial)

    assert isinstance(claim, ProofClaim)
    assert (claim.authcid, claim.proven, claim.channel_binding) == ("ann", True, "tls-server-end-point")


def test_another_type_of_binding() -> None:
    """Any type both ends have will do."""
    client = start_client(MECHANISM, credentials("ann"), binding=OTHER_TYPE, server_offers_plus=True)

    claim = converse(client, MECHANISM, a_server())

    assert isinstance(claim, ProofClaim)
    assert claim.channel_binding == "tls-exporter"


def test_what_the_client_says() -> None:
    """RFC 5802 §5: the type first, the data under the proof."""
    client = start_client(MECHANISM, credentials("ann"), binding=BINDING, server_offers_plus=True)

    assert next(client) == b"p=tls-server-end-point,,n=ann,r=" + CLIENT_NONCE.encode()
    final = respond(client, f"r={CLIENT_NONCE}xyz,s=c2FsdA==,i=4096".encode())
    bound = base64.b64encode(b"p=tls-server-end-point,," + BINDING.data)
    assert final.startswith(b"c=" + bound + f",r={CLIENT_NONCE}xyz,p=".encode())


def test_a_channel_without_a_binding() -> None:
    """The register does not choose it there; whoever does all the same is told."""
    with pytest.raises(MechanismUnavailable):
        start_client(MECHANISM, credentials("ann"), binding=None, server_offers_plus=True)


@pytest.mark.parametrize("password", ["pencil", "pa\u0308ss"])
def test_our_client_logs_in_to_scramp(password: str) -> None:
    """The oracle as server, with channel binding."""
    peer = scramp.ScramMechanism("SCRAM-SHA-256-PLUS")
    keys = peer.make_auth_info(password, iteration_count=ITERATIONS)
    server = peer.make_server(lambda _name: keys, channel_binding=(BINDING.type, BINDING.data))
    client = start_client(MECHANISM, credentials("ann", password), binding=BINDING, server_offers_plus=True)

    server.set_client_first(next(client).decode())
    server.set_client_final(respond(client, server.get_server_first().encode()).decode())
    assert respond(client, server.get_server_final().encode()) == b""
    finish(client)


@pytest.mark.parametrize("password", ["pencil", "pa\u0308ss"])
def test_scramp_logs_in_to_our_server(password: str) -> None:
    """The oracle as client, with channel binding."""
    peer = scramp.ScramClient(
        ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], "ann", password, channel_binding=(BINDING.type, BINDING.data)
    )
    server = a_server(password)
    exchange = server.start(MECHANISM, peer.get_client_first().encode())

    peer.set_server_first(text(server.step(exchange, None)))
    peer.set_server_final(text(server.step(exchange, peer.get_client_final().encode())))
    claim = server.step(exchange, b"")
    assert isinstance(claim, ProofClaim)
    assert (claim.proven, claim.channel_binding) == (True, "tls-server-end-point")


def test_scramp_notices_another_channel() -> None:
    """The oracle refuses our client when the ends differ, as we do."""
    peer = scramp.ScramMechanism("SCRAM-SHA-256-PLUS")
    keys = peer.make_auth_info("pencil", iteration_count=ITERATIONS)
    server = peer.make_server(lambda _name: keys, channel_binding=(BINDING.type, BINDING.data))
    client = start_client(MECHANISM, credentials("ann"), binding=OTHER_BINDING, server_offers_plus=True)
    server.set_client_first(next(client).decode())
    final = respond(client, server.get_server_first().encode()).decode()
    set_client_final: Callable[[str], None] = server.set_client_final

    with pytest.raises(scramp.ScramException, match="channel bindings don't match"):
        set_client_final(final)


def text(challenge: object) -> str:
    assert isinstance(challenge, bytes)
    return challenge.decode()
