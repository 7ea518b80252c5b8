from __future__ import annotations

import base64

import pytest

from mailward.errors import SaslError
from mailward.sasl.mechanism import Mechanism, finish, respond
from mailward.sasl.scram_client import bound, unbound
from tests.sasl.dialogue import BINDING, CLIENT_NONCE, credentials, start_client

RFC_5802 = [
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
]
HASHES = ["sha1", "sha256", "sha512"]


def test_the_client_of_rfc_5802() -> None:
    """§5, octet for octet."""
    client = unbound("sha1")(
        credentials("user", "pencil"), binding=None, server_offers_plus=False, nonce="fyko+d2lbbFgONRv9qkxdawL"
    )

    said = [next(client), respond(client, RFC_5802[1]), respond(client, RFC_5802[3])]

    assert said == [RFC_5802[0], RFC_5802[2], b""]
    finish(client)


@pytest.mark.parametrize("hash_name", HASHES)
def test_the_binding_is_under_the_proof(hash_name: str) -> None:
    """RFC 5802 §5: its type in the header, its data after it."""
    mechanism = Mechanism(name="X", strength=1, client=bound(hash_name))
    client = start_client(mechanism, credentials("ann"), binding=BINDING, server_offers_plus=True)

    assert next(client) == b"p=tls-server-end-point,,n=ann,r=" + CLIENT_NONCE.encode()
    final = respond(client, f"r={CLIENT_NONCE}xyz,s=c2FsdA==,i=4096".encode())
    expected = base64.b64encode(b"p=tls-server-end-point,," + BINDING.data)
    assert final.startswith(b"c=" + expected + f",r={CLIENT_NONCE}xyz,p=".encode())


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("count", ["4294967295", "10000000", "1000001", "4095", "1", "0", "-1", "", "4096.0", "04096"])
def test_iterations_out_of_bounds(hash_name: str, count: str) -> None:
    """C16: neither so few that a thief guesses quickly, nor so many that we work for an attacker."""
    mechanism = Mechanism(name="X", strength=1, client=unbound(hash_name))
    client = start_client(mechanism, credentials("ann"))
    next(client)

    with pytest.raises(SaslError):
        respond(client, f"r={CLIENT_NONCE}xyz,s=c2FsdA==,i={count}".encode())


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("length", [1, 19, 20, 21, 32, 64])
def test_a_signature_of_any_length(hash_name: str, length: int) -> None:
    """C16: the wrong one is refused however long it is."""
    mechanism = Mechanism(name="X", strength=1, client=unbound(hash_name))
    client = start_client(mechanism, credentials("ann"))
    next(client)
    respond(client, f"r={CLIENT_NONCE}xyz,s=c2FsdA==,i=4096".encode())

    with pytest.raises(SaslError, match="does not know the password"):
        respond(client, b"v=" + base64.b64encode(b"x" * length))
