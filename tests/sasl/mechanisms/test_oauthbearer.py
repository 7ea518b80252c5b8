from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import BearerClaim, Challenge, Credentials, finish, respond
from mailward.sasl.mechanism import refused as why_refused
from mailward.sasl.mechanisms.oauthbearer import MECHANISM
from mailward.secret import Secret
from tests.sasl.dialogue import Server, start_client

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
EXAMPLE = f"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer {TOKEN}\x01\x01".encode()


def claimed(response: bytes) -> BearerClaim:
    server = Server({})
    claim = server.step(server.start(MECHANISM, response), None)
    assert isinstance(claim, BearerClaim), claim
    return claim


def refused(response: bytes) -> str:
    """S55: the error as JSON in a challenge, the client's 0x01, then the end."""
    exchange = Server({}).start(MECHANISM, response)
    told = next(exchange)
    assert isinstance(told, Challenge)
    assert not told.proven
    assert json.loads(told.data) == {"status": "invalid_request"}
    with pytest.raises(SaslError) as caught:
        exchange.send(b"\x01")
    return str(caught.value)


def test_the_example_of_rfc_7628() -> None:
    """§4.1; host and port are read and mean nothing."""
    claim = claimed(EXAMPLE)

    assert (claim.authcid, claim.authzid, claim.token) == ("user@example.com", "", Secret(TOKEN))
    assert json.loads(claim.error) == {"status": "invalid_token"}
    assert TOKEN not in repr(claim)


def test_without_an_initial_response() -> None:
    """An empty challenge asks for it."""
    server = Server({})
    exchange = server.start(MECHANISM, None)

    assert server.step(exchange, None) == b""
    claim = server.step(exchange, EXAMPLE)
    assert isinstance(claim, BearerClaim)
    assert claim.authcid == "user@example.com"


@pytest.mark.parametrize(
    "header, name",
    [
        ("n,,", ""),
        ("y,,", ""),
        ("n,a=ann,", "ann"),
        ("n,a=a=2Cb=3Dc,", "a,b=c"),
        ("n,a=jörg@example.test,", "jörg@example.test"),
        ("n,a=\uff02ad\u00admin\uff02,", '"admin"'),
    ],
)
def test_whom_it_is_for(header: str, name: str) -> None:
    """The name in the GS2 header in its one spelling; none leaves it to the token."""
    assert claimed(f"{header}\x01auth=Bearer x\x01\x01".encode()).authcid == name


def test_other_keys_mean_nothing() -> None:
    """Those of other schemes (§3.1) and those nobody knows."""
    assert claimed(b"n,,\x01mthd=POST\x01path=/\x01qs=a=b\x01post=\x01x=y z\x01auth=Bearer t\x01\x01").token


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x01",
        b"n,,",
        b"n,,\x01",
        b"n,,\x01\x01",  # no auth
        b"n,,\x01host=a\x01port=1\x01\x01",
        b"n,,\x01auth=\x01\x01",  # no token
        b"n,,\x01auth=Bearer \x01\x01",
        b"n,,\x01auth=Bearer t",
        b"n,,\x01auth=Bearer t\x01",
        b"n,,\x01auth=Bearer t\x01\x01\x01",  # an extra 0x01 at each place
        b"n,,\x01\x01auth=Bearer t\x01\x01",
        b"\x01n,,\x01auth=Bearer t\x01\x01",
        b"n,,\x01auth=Bearer\x01t\x01\x01",
        b"n,,\x01auth=Bearer t\x01\x01n",
        b"n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01",  # twice
        b"n,,\x01host=a\x01host=b\x01auth=Bearer t\x01\x01",
        b"n,,\x01auth Bearer t\x01\x01",
        b"n,,\x01=x\x01auth=Bearer t\x01\x01",
        b"n,,\x01au th=x\x01auth=Bearer t\x01\x01",
        b"n,,\x01k\xc3\xa4y=x\x01auth=Bearer t\x01\x01",
        b"n,,\x01x=\0\x01auth=Bearer t\x01\x01",
        b"n,,\x01x=\xff\x01auth=Bearer t\x01\x01",
        b"n,,\x01port=99999999\x01auth=Bearer t\x01\x01",
        b"n,,\x01port=-1\x01auth=Bearer t\x01\x01",
        b"n,,\x01port=\x01auth=Bearer t\x01\x01",
        b"n,,\x01host=" + b"a" * 256 + b"\x01auth=Bearer t\x01\x01",
        b"".join((b"n,,\x01", *(b"k%c=v\x01" % letter for letter in b"abcdefghijklmnop"), b"auth=Bearer t\x01\x01")),
        b"p=tls-exporter,,\x01auth=Bearer t\x01\x01",
        b"F,n,,\x01auth=Bearer t\x01\x01",
        b"n,\x01auth=Bearer t\x01\x01",
        b"x,,\x01auth=Bearer t\x01\x01",
        b"n,a=,\x01auth=Bearer t\x01\x01",
        b"n,b=ann,\x01auth=Bearer t\x01\x01",
        b"n,a=a=b,\x01auth=Bearer t\x01\x01",
        b"n,a=a,b,\x01auth=Bearer t\x01\x01",
        b"n,a=a\0b,\x01auth=Bearer t\x01\x01",
        b"n,a=\xff,\x01auth=Bearer t\x01\x01",
        b"n,a=a\r\nReceived: evil,\x01auth=Bearer t\x01\x01",
        "n,a=us\u202eer,\x01auth=Bearer t\x01\x01".encode(),
        b"n,a=" + b"u" * 257 + b",\x01auth=Bearer t\x01\x01",
        b"n,,\x01auth=Bearer " + b"t" * 65_536 + b"\x01\x01",
    ],
)
def test_broken_messages(response: bytes) -> None:
    """S55: each is told 334 and JSON, and refused after it; nothing of the token is in the error."""
    problem = refused(response)

    assert problem.startswith(("malformed OAUTHBEARER response", "OAUTHBEARER response: "))
    assert "ttt" not in problem
    assert len(problem) < 200


def of_token(
    name: str = "user@example.com", token: str = TOKEN, host: str = "server.example.com", port: int = 143, **more: str
) -> Credentials:
    return Credentials(name, Secret(token), kind="token", host=host, port=port, **more)


def test_the_client_of_rfc_7628() -> None:
    """§4.1, octet for octet."""
    client = start_client(MECHANISM, of_token())

    assert next(client) == EXAMPLE
    finish(client)


def test_our_server_understands_our_client() -> None:
    """A name with everything that is escaped, no host."""
    who = of_token("a,b=c@example.test", host="", port=0)
    claim = claimed(next(start_client(MECHANISM, who)))

    assert (claim.authcid, claim.token) == ("a,b=c@example.test", Secret(TOKEN))


def test_the_client_leaves_the_name_to_the_token() -> None:
    """§3.1: it is optional."""
    assert next(start_client(MECHANISM, of_token("", host=""))).startswith(b"n,,\x01port=143\x01auth=Bearer ")


def test_the_error_of_rfc_7628() -> None:
    """§4.3: the challenge is answered with 0x01, and what it says is told with the refusal."""
    client = start_client(MECHANISM, of_token())
    next(client)
    challenge = (
        b'{"status":"invalid_token","scope":"example_scope",'
        b'"openid-configuration":"https://example.com/.well-known/openid-configuration"}'
    )

    assert respond(client, challenge) == b"\x01"
    assert why_refused(client) == (
        "the server says of the token: status invalid_token, scope example_scope, "
        "openid-configuration https://example.com/.well-known/openid-configuration"
    )


def test_success_after_an_error_is_none() -> None:
    """The server contradicts itself."""
    client = start_client(MECHANISM, of_token())
    next(client)
    respond(client, b"{}")

    with pytest.raises(SaslError, match="refused the token"):
        finish(client)


def test_a_server_that_asks_for_nothing() -> None:
    """C15: an empty challenge is no error message, and there is nothing more to say."""
    client = start_client(MECHANISM, of_token())
    next(client)

    with pytest.raises(SaslError, match="asks for more"):
        respond(client, b"")


@pytest.mark.parametrize(
    "who",
    [
        of_token("a\0b"),
        of_token("a\x01auth=Bearer x\x01\x01"),
        of_token("a\r\nb"),
        of_token(token=""),
        of_token(token="t\x01host=x"),
        of_token(token="t t"),
        of_token(token="t\r\n"),
        of_token(token="tök"),
        of_token(token="t" * 12_289),
        of_token(host="a\x01b"),
        of_token(host="a b"),
        of_token(host="h" * 256),
        of_token(port=65_536),
        of_token(port=-1),
        of_token(authzid="admin"),
    ],
    ids=range(15),
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


@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda data: EXAMPLE[:40] + data + EXAMPLE[40:]))
def test_whatever_comes_is_a_claim_or_refused(response: bytes) -> None:
    """No other error, and no claim without a token."""
    exchange = Server({}).start(MECHANISM, response)
    try:
        next(exchange)
        with pytest.raises(SaslError):
            exchange.send(b"\x01")
    except StopIteration as end:
        assert end.value.token.reveal().isascii()
        assert end.value.token
        assert end.value.authcid.isprintable()
