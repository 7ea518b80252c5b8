from __future__ import annotations

import base64

import pytest
import scramp

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import Challenge, ChannelBinding, ProofClaim, ScramKeys, finish, respond
from mailward.sasl.mechanisms.scram_sha_256 import MECHANISM
from mailward.sasl.scram import derive_keys
from tests.sasl.dialogue import (
    BINDING,
    CLIENT_NONCE,
    ITERATIONS,
    SALT,
    SERVER_NONCE,
    Server,
    converse,
    credentials,
    keys_of,
    start_client,
)

NAMES = ["user", "ann@example.test", "a,b=c@example.test", "jörg@example.test", "ad\u00admin"]
PASSWORDS = ["pencil", "pässwörd", "pa\u0308ss", "密码", "ｗｉｄｅ", "a,b=c", " spaces "]

RFC_7677 = [
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
]


def test_the_client_of_rfc_7677() -> None:
    """§3, octet for octet."""
    client = start_client(MECHANISM, credentials("user", "pencil"))

    said = [next(client), respond(client, RFC_7677[1]), respond(client, RFC_7677[3])]

    assert said == [RFC_7677[0], RFC_7677[2], b""]
    finish(client)


def test_the_server_of_rfc_7677() -> None:
    """§3, octet for octet; after its signature it waits for an empty response (RFC 4954 §4)."""
    keys = derive_keys("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    server = Server({"user": keys})
    exchange = server.start(MECHANISM, RFC_7677[0])

    assert server.step(exchange, None) == RFC_7677[1]
    assert server.step(exchange, RFC_7677[2]) == RFC_7677[3]
    assert server.step(exchange, b"") == ProofClaim("user", "", proven=True, channel_binding=None, final=RFC_7677[3])


def test_the_server_marks_what_tells_a_guesser() -> None:
    """The challenge that only a right proof is answered with says so; the one before does not."""
    keys = derive_keys("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    exchange = Server({}).start(MECHANISM, RFC_7677[0])
    next(exchange)

    assert exchange.send(keys) == Challenge(RFC_7677[1])
    assert exchange.send(RFC_7677[2]) == Challenge(RFC_7677[3], proven=True)


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_client_and_server(initial: bool, name: str) -> None:
    """With and without an initial response; the server looks up the one spelling of the name."""
    prepared = name.replace("\u00ad", "")
    server = Server({prepared: keys_of("pencil")})

    claim = converse(start_client(MECHANISM, credentials(name)), MECHANISM, server, initial=initial)

    assert isinstance(claim, ProofClaim)
    assert (claim.authcid, claim.proven, claim.channel_binding) == (prepared, True, None)
    assert server.asked_for == [prepared]
    assert len(server.said) == (2 if initial else 3)


@pytest.mark.parametrize("password", PASSWORDS)
def test_non_ascii_passwords(password: str) -> None:
    """Stored in one spelling, typed in another."""
    server = Server({"ann": derive_keys(password, SALT, ITERATIONS)})

    claim = converse(start_client(MECHANISM, credentials("ann", password)), MECHANISM, server)

    assert isinstance(claim, ProofClaim)
    assert claim.proven


def test_another_identity_is_told_not_judged() -> None:
    """The claim carries it, escaped on the way, and it is covered by the proof."""
    server = Server({"ann": keys_of("pencil")})
    client = start_client(MECHANISM, credentials("ann", "pencil", "a=d,min"))

    claim = converse(client, MECHANISM, server)

    assert isinstance(claim, ProofClaim)
    assert (claim.authcid, claim.authzid, claim.proven) == ("ann", "a=d,min", True)


@pytest.mark.parametrize(
    "binding, server_offers_plus, flag",
    [(None, False, b"n"), (None, True, b"n"), (BINDING, False, b"y"), (BINDING, True, b"n")],
)
def test_what_the_client_says_of_channel_binding(
    binding: ChannelBinding | None, server_offers_plus: bool, flag: bytes
) -> None:
    """RFC 5802 §6: "y" only where it could have, and was not offered it."""
    client = start_client(MECHANISM, credentials("ann"), binding=binding, server_offers_plus=server_offers_plus)

    assert next(client) == flag + b",,n=ann,r=" + CLIENT_NONCE.encode()


@pytest.mark.parametrize(
    "name, password, authzid",
    [
        ("", "pencil", ""),
        ("\u00ad", "pencil", ""),
        ("ann", "", ""),
        ("a\0nn", "pencil", ""),
        ("a\x01nn", "pencil", ""),
        ("ann\r\nRCPT TO:<e>", "pencil", ""),
        ("ann", "pencil", "ad\x01min"),
        ("ann", "bell\x07", ""),
        ("ann", "\ue000", ""),
    ],
)
def test_credentials_that_cannot_be_said(name: str, password: str, authzid: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, credentials(name, password, authzid)))


@pytest.mark.parametrize("name", ["a,b", "a=b", "=2C"])
def test_names_are_escaped(name: str) -> None:
    """E05: `,` and `=` are =2C and =3D on the wire."""
    escaped = name.replace("=", "=3D").replace(",", "=2C")

    assert next(start_client(MECHANISM, credentials(name))).startswith(f"n,,n={escaped},r=".encode())


@pytest.mark.parametrize("nonce", ["", "short", "with,comma", "with space"])
def test_a_nonce_that_is_none(nonce: str) -> None:
    """The caller's fault is told to the caller."""
    with pytest.raises(InputError, match="nonce"):
        next(MECHANISM.client(credentials(), binding=None, server_offers_plus=False, nonce=nonce))


# ------------------------------------------------------------------------------------------------- an oracle: scramp


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", ["pencil", "pässwörd", "pa\u0308ss"])
def test_our_client_logs_in_to_scramp(bound: bool, name: str, password: str) -> None:
    """Whether or not our channel has a binding ("y" and "n")."""
    peer = scramp.ScramMechanism("SCRAM-SHA-256")
    accounts = {name.replace("\u00ad", ""): peer.make_auth_info(password, iteration_count=ITERATIONS)}
    server = peer.make_server(accounts.__getitem__)
    client = start_client(MECHANISM, credentials(name, password), binding=BINDING if bound else None)

    server.set_client_first(next(client).decode())
    server.set_client_final(respond(client, server.get_server_first().encode()).decode())
    assert respond(client, server.get_server_final().encode()) == b""
    finish(client)


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", ["pencil", "pässwörd", "pa\u0308ss"])
def test_scramp_logs_in_to_our_server(bound: bool, name: str, password: str) -> None:
    """Whether or not its channel has a binding ("y" and "n")."""
    peer = scramp.ScramClient(
        ["SCRAM-SHA-256"], name, password, channel_binding=(BINDING.type, BINDING.data) if bound else None
    )
    server = Server({name.replace("\u00ad", ""): keys_of(password)})
    exchange = server.start(MECHANISM, peer.get_client_first().encode())

    peer.set_server_first(text(server.step(exchange, None)))
    peer.set_server_final(text(server.step(exchange, peer.get_client_final().encode())))
    claim = server.step(exchange, b"")
    assert isinstance(claim, ProofClaim)
    assert (claim.proven, claim.channel_binding) == (True, None)


def test_scramp_with_a_wrong_password() -> None:
    """Our server says no, without a word of its own."""
    peer = scramp.ScramClient(["SCRAM-SHA-256"], "user", "wrong")
    server = Server({"user": keys_of("pencil")})
    exchange = server.start(MECHANISM, peer.get_client_first().encode())
    peer.set_server_first(text(server.step(exchange, None)))

    claim = server.step(exchange, peer.get_client_final().encode())

    assert isinstance(claim, ProofClaim)
    assert not claim.proven


def test_our_client_with_a_wrong_password_at_scramp() -> None:
    """scramp says so in its last message; our client lets it refuse."""
    peer = scramp.ScramMechanism("SCRAM-SHA-256")
    keys = peer.make_auth_info("pencil", iteration_count=ITERATIONS)
    server = peer.make_server(lambda _name: keys)
    client = start_client(MECHANISM, credentials("user", "wrong"))

    server.set_client_first(next(client).decode())
    final = respond(client, server.get_server_first().encode()).decode()
    with pytest.raises(scramp.ScramException):
        server.set_client_final(final)
    assert respond(client, server.get_server_final().encode()) == b""


def test_scramp_and_we_notice_the_same_downgrade() -> None:
    """RFC 5802 §6, both ways: "y" said to a server that offered -PLUS."""
    bound = (BINDING.type, BINDING.data)
    said_by_scramp = scramp.ScramClient(["SCRAM-SHA-256"], "ann", "pencil", channel_binding=bound).get_client_first()
    server = Server({"ann": keys_of("pencil")}, bindings=(BINDING,), plus_offered=True)
    with pytest.raises(SaslError, match="did not see our -PLUS"):
        server.step(server.start(MECHANISM, said_by_scramp.encode()), None)

    said_by_us = next(start_client(MECHANISM, credentials("ann"), binding=BINDING, server_offers_plus=False))
    peer = scramp.ScramMechanism("SCRAM-SHA-256").make_server(lambda _name: None, channel_binding=bound)
    with pytest.raises(scramp.ScramException, match="GS2 flag 'y'"):
        peer.set_client_first(said_by_us.decode())


def test_keys_stored_by_scramp_verify_here() -> None:
    """A database of SCRAM keys can be moved."""
    salt, stored_key, server_key, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info("pencil")
    server = Server({"ann": ScramKeys(salt, iterations, stored_key, server_key)}, nonce=SERVER_NONCE)

    claim = converse(start_client(MECHANISM, credentials("ann")), MECHANISM, server)

    assert isinstance(claim, ProofClaim)
    assert claim.proven


def text(challenge: object) -> str:
    assert isinstance(challenge, bytes)
    return challenge.decode()
