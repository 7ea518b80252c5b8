from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import BearerClaim, Challenge, Credentials, finish, refused, respond
from mailward.sasl.mechanisms.xoauth2 import MECHANISM
from mailward.secret import Secret
from tests.sasl.dialogue import Server, start_client

TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
EXAMPLE = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"


def test_the_form_everybody_uses() -> None:
    """user, auth, two 0x01; by initial response and after an empty challenge."""
    for initial in (True, False):
        server = Server({})
        exchange = server.start(MECHANISM, EXAMPLE if initial else None)
        claim = server.step(exchange, None)
        if not initial:
            assert claim == b""
            claim = server.step(exchange, EXAMPLE)

        assert isinstance(claim, BearerClaim)
        assert (claim.authcid, claim.authzid) == ("someuser@example.com", "")
        assert claim.token == Secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
        assert json.loads(claim.error) == {"status": "401", "schemes": "Bearer"}


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x01",
        b"\x01\x01",
        b"user=ann\x01\x01",
        b"user=ann\x01auth=\x01\x01",
        b"user=ann\x01auth=Bearer \x01\x01",
        b"user=ann\x01auth=Bearer t\x01",
        b"user=ann\x01auth=Bearer t\x01\x01\x01",
        b"user=ann\x01\x01auth=Bearer t\x01\x01",
        b"\x01user=ann\x01auth=Bearer t\x01\x01",
        b"user=\x01auth=Bearer t\x01\x01",
        b"auth=Bearer t\x01user=ann\x01\x01",
        b"user=ann\x01auth=Bearer t\x01more=x\x01\x01",
        b"user=ann\x01auth=Basic t\x01\x01",
        b"user=ann\x01Auth=Bearer t\x01\x01",
        b"user=a\0nn\x01auth=Bearer t\x01\x01",
        b"user=\xff\x01auth=Bearer t\x01\x01",
        b"user=ann\x01auth=Bearer t\xff\x01\x01",
        b"user=a\r\nReceived: evil\x01auth=Bearer t\x01\x01",
        "user=us\u202eer\x01auth=Bearer t\x01\x01".encode(),
        b"user=" + b"u" * 257 + b"\x01auth=Bearer t\x01\x01",
        b"user=ann\x01auth=Bearer " + b"t" * 65_536 + b"\x01\x01",
    ],
)
def test_broken_messages(response: bytes) -> None:
    """S55: 334 and JSON, the client's empty response, and the end."""
    exchange = Server({}).start(MECHANISM, response)
    told = next(exchange)
    assert isinstance(told, Challenge)
    assert json.loads(told.data) == {"status": "400", "schemes": "Bearer"}

    with pytest.raises(SaslError) as caught:
        exchange.send(b"")

    assert "ttt" not in str(caught.value)
    assert len(str(caught.value)) < 200


def of_token(name: str = "someuser@example.com", token: str = TOKEN, authzid: str = "") -> Credentials:
    return Credentials(name, Secret(token), authzid, kind="token", host="x.test", port=587)


def test_the_client_says_the_form_everybody_uses() -> None:
    """Octet for octet as it was written down once."""
    client = start_client(MECHANISM, of_token())

    assert next(client) == EXAMPLE
    finish(client)


def test_the_error_is_answered_with_nothing() -> None:
    """The client's empty response, and what the JSON said is told with the refusal that follows."""
    client = start_client(MECHANISM, of_token())
    next(client)

    assert respond(client, b'{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}') == b""
    assert refused(client) == (
        "the server says of the token: status 401, scope https://mail.google.com/, schemes bearer mac"
    )


@pytest.mark.parametrize(
    "who",
    [
        of_token(""),
        of_token("a\0b"),
        of_token("a\x01auth=Bearer x\x01\x01"),
        of_token("a\r\nb"),
        of_token(token=""),
        of_token(token="ttt\x01\x01"),
        of_token(token="ttt ttt"),
        of_token(authzid="admin"),
    ],
    ids=range(8),
)
def test_what_cannot_be_said(who: Credentials) -> None:
    """E05: the caller's error, before the first octet is sent; nothing of the token is in it."""
    with pytest.raises(InputError) as caught:
        next(start_client(MECHANISM, who))

    assert "ttt" not in str(caught.value)


def test_the_peer_learns_the_token() -> None:
    """So it is for TLS only, and for tokens only."""
    assert MECHANISM.reveals_password
    assert MECHANISM.credential == "token"


@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda data: EXAMPLE[:30] + data + EXAMPLE[30:]))
def test_whatever_comes_is_a_claim_or_refused(response: bytes) -> None:
    """No other error, and no claim without a name and a token."""
    exchange = Server({}).start(MECHANISM, response)
    try:
        next(exchange)
        with pytest.raises(SaslError):
            exchange.send(b"")
    except StopIteration as end:
        assert end.value.token
        assert end.value.authcid
        assert end.value.authcid.isprintable()
