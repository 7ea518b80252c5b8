from __future__ import annotations

import base64
from collections import deque
from dataclasses import replace

import pytest

from mailward.errors import MechanismUnavailable, SaslError
from mailward.sasl.mechanism import ClientExchange, finish, refused, respond
from mailward.sasl.mechanisms.scram_sha_256 import MECHANISM
from mailward.sasl.register import client_mechanisms
from mailward.sasl.scram import derive_keys
from mailward.secret import Secret
from tests.sasl.dialogue import (
    ANN,
    BINDING,
    CLIENT_NONCE,
    ITERATIONS,
    SALT,
    SERVER_NONCE,
    credentials,
    server_final_of,
    start_client,
)


def client_at(*challenges: bytes) -> ClientExchange:
    client = start_client(MECHANISM, credentials(ANN, "pencil"))
    next(client)
    for challenge in challenges:
        respond(client, challenge)
    return client


SERVER_FIRST = f"r={CLIENT_NONCE}{SERVER_NONCE},s={base64.b64encode(SALT).decode()},i={ITERATIONS}".encode()


@pytest.mark.parametrize(
    "nonce", [SERVER_NONCE, CLIENT_NONCE, CLIENT_NONCE[:-1] + SERVER_NONCE, CLIENT_NONCE.lower() + SERVER_NONCE]
)
def test_the_servers_nonce_continues_ours(nonce: str) -> None:
    """C16: otherwise it is a replay, or has nothing of the server in it."""
    with pytest.raises(SaslError, match="does not continue"):
        client_at(f"r={nonce},s=c2FsdA==,i=4096".encode())


@pytest.mark.parametrize("index", range(32))
def test_a_tampered_signature(index: int) -> None:
    """C16: one bit anywhere, and the server does not know the password."""
    octets = bytearray(base64.b64decode(server_final_of("n,,")[2:]))
    octets[index] ^= 1

    with pytest.raises(SaslError, match="does not know the password"):
        client_at(SERVER_FIRST, b"v=" + base64.b64encode(octets))


def test_a_server_that_does_not_know_the_password() -> None:
    """An impostor with keys of its own fails however friendly it is."""
    impostor = server_final_of("n,,", derive_keys("guess", SALT, ITERATIONS))

    with pytest.raises(SaslError, match="does not know the password"):
        client_at(SERVER_FIRST, impostor)


@pytest.mark.parametrize(
    "challenges, words",
    [
        ((), "server-first message is missing"),
        ((SERVER_FIRST,), "never proved"),
    ],
)
def test_success_without_a_signature(challenges: tuple[bytes, ...], words: str) -> None:
    """C16: 235 before the server has proved itself is no success."""
    with pytest.raises(SaslError, match=words):
        finish(client_at(*challenges))


def test_success_with_the_signature() -> None:
    """The good case of the two above."""
    finish(client_at(SERVER_FIRST, server_final_of("n,,")))


def test_an_empty_challenge_is_no_signature() -> None:
    """A server that skips its last message."""
    with pytest.raises(SaslError, match="never proved"):
        client_at(SERVER_FIRST, b"")


def test_an_error_from_the_server() -> None:
    """The client lets it refuse; success after it is a contradiction."""
    client = client_at(SERVER_FIRST)

    assert respond(client, b"e=invalid-proof") == b""
    assert refused(client) == "the server says invalid-proof"

    client = client_at(SERVER_FIRST)
    assert respond(client, b"e=invalid-proof") == b""
    with pytest.raises(SaslError, match="reported an error"):
        finish(client)


def test_more_challenges_than_there_are_messages() -> None:
    """C15: the client says three things and no more."""
    with pytest.raises(SaslError, match="asks for more"):
        client_at(SERVER_FIRST, server_final_of("n,,"), b"more?")


def test_a_challenge_of_a_mebibyte() -> None:
    """C15: refused by its length."""
    with pytest.raises(SaslError, match="longer than"):
        client_at(SERVER_FIRST + b",x=" + b"y" * 2**20)


def test_every_mechanism_stops_a_server_that_never_ends() -> None:
    """C15: at most ten rounds, whatever the mechanism and whatever is asked."""
    for mechanism in client_mechanisms().values():
        for challenge in (b"", b"Password:", b"Username:", SERVER_FIRST, b"v=QQ==", b"e=other-error"):
            who = replace(credentials(), password=Secret("t"), host="mail.example.test")
            client = start_client(mechanism, who, binding=BINDING, server_offers_plus=True)
            try:
                next(client)
            except MechanismUnavailable:
                continue  # no Kerberos on this machine; its exchange is tested with a context of our own
            with pytest.raises(SaslError):
                deque((respond(client, challenge) for _ in range(10)), maxlen=0)
