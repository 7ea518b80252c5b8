from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import ExternalClaim, finish
from mailward.sasl.mechanisms.external import MECHANISM
from tests.sasl.dialogue import Server, converse, credentials, start_client


@pytest.mark.parametrize(
    "response, authzid",
    [
        (b"", ""),  # RFC 4422 App. A: whoever the channel says
        (b"ann@example.test", "ann@example.test"),
        ("jörg@example.test".encode(), "jörg@example.test"),
        ("＂ad\u00admin＂".encode(), '"admin"'),
    ],
)
def test_whom_to_act_as(response: bytes, authzid: str) -> None:
    """By initial response and after an empty challenge; the name in its one spelling."""
    server = Server({})
    assert server.step(server.start(MECHANISM, response), None) == ExternalClaim(authzid)

    exchange = server.start(MECHANISM, None)
    assert server.step(exchange, None) == b""
    assert server.step(exchange, response) == ExternalClaim(authzid)


@pytest.mark.parametrize(
    "response",
    [
        b"\0",
        b"a\0nn",
        b"\xff",
        b"ann\r\nReceived: evil",
        b"ann ",
        "us\u202eer".encode(),
        b"\xc2\xad",
        b"u" * 257,
        b"u" * 2**20,
    ],
)
def test_broken_responses(response: bytes) -> None:
    """S51: refused before anybody looks at an account or a certificate."""
    server = Server({})
    with pytest.raises(SaslError, match="EXTERNAL response"):
        server.step(server.start(MECHANISM, response), None)


@pytest.mark.parametrize("name, authzid, said", [("", "", b""), ("ann", "", b"ann"), ("ann", "jörg", "jörg".encode())])
def test_what_the_client_says(name: str, authzid: str, said: bytes) -> None:
    """RFC 4422 App. A: whom to act as, or nothing; our server understands it."""
    client = start_client(MECHANISM, credentials(name, "", authzid))

    claim = converse(client, MECHANISM, Server({}))

    assert claim == ExternalClaim(said.decode())
    finish(client)


@pytest.mark.parametrize("name", ["a\0nn", "a\x01nn", "ann\r\nRCPT TO:<e>", "u" * 257])
def test_a_name_that_cannot_be_said(name: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, credentials(name, "")))


def test_it_is_for_certificates() -> None:
    """A server offers it only on a channel with a certificate, a client uses it only with one."""
    assert MECHANISM.credential == "certificate"


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_claim_or_refused(response: bytes) -> None:
    """No other error."""
    server = Server({})
    try:
        claim = server.step(server.start(MECHANISM, response), None)
    except SaslError:
        return
    assert isinstance(claim, ExternalClaim)
    assert claim.authzid.isprintable()
