from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import PasswordClaim, finish, respond
from mailward.sasl.mechanisms.plain import MECHANISM
from mailward.secret import Secret
from tests.sasl.dialogue import Server, converse, credentials, start_client


def claimed(response: bytes | None) -> PasswordClaim:
    server = Server({})
    claim = server.step(server.start(MECHANISM, response), None)
    assert isinstance(claim, PasswordClaim)
    return claim


@pytest.mark.parametrize(
    "authzid, authcid, password, message",
    [
        ("", "tim", "tanstaaftanstaaf", b"\0tim\0tanstaaftanstaaf"),
        ("Ursel", "Kurt", "xipj3plmq", b"Ursel\0Kurt\0xipj3plmq"),
    ],
)
def test_the_examples_of_rfc_4616(authzid: str, authcid: str, password: str, message: bytes) -> None:
    """§4, said by our client and understood by our server."""
    client = start_client(MECHANISM, credentials(authcid, password, authzid))

    assert next(client) == message
    finish(client)
    assert claimed(message) == PasswordClaim(authcid, authzid, Secret(password))


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("password", ["pencil", " leading and trailing ", "pässwörd", "密码", "a\u0301", "\U0001f600"])
def test_client_and_server(initial: bool, password: str) -> None:
    """With an initial response and after an empty challenge; the claim holds SASLprep's spelling."""
    client = start_client(MECHANISM, credentials("jörg@example.test", password))
    claim = converse(client, MECHANISM, Server({}), initial=initial)

    assert claim == PasswordClaim("jörg@example.test", "", Secret(password.replace("a\u0301", "á")))


def test_the_client_says_the_password_as_it_was_given() -> None:
    """Preparing is the server's part (RFC 4616 §2): another server may compare octets."""
    assert next(start_client(MECHANISM, credentials("ann", "a\u0301"))) == b"\0ann\0a\xcc\x81"


def test_the_client_says_it_once() -> None:
    """A challenge after it is not answered (C15)."""
    client = start_client(MECHANISM, credentials())
    next(client)

    with pytest.raises(SaslError):
        respond(client, b"again")


def test_another_identity_is_told_not_judged() -> None:
    """S50 (CVE-2023-27582): the claim carries it, and the server must ask whether it is permitted."""
    assert claimed(b"admin\0user\0pass") == PasswordClaim("user", "admin", Secret("pass"))


@pytest.mark.parametrize(
    "response",
    [
        b"user\0\0pass",  # S50: no authcid
        b"\0user\0",  # no password
        b"\0\0",
        b"",
        b"user",  # no NUL
        b"user\0pass",
        b"\0user\0pass\0",  # three NULs
        b"\0user\0pa\0ss",
        b"\0user\0\xc2\xad",  # a password that SASLprep leaves nothing of
        b"\0us\xffer\0pass",
        b"\0user\0pa\xffss",
        b"\0user\0pa\x07ss",
        b"\0user\nReceived: evil\0pass",  # S51
        b"\0user\r\0pass",
        "\0us\u202eer\0pass".encode(),
        "\0us\u2066er\0pass".encode(),
        b"\0admin \0pass",
        b"adm\x01in\0user\0pass",
        b"\0" + b"u" * 257 + b"\0pass",
        b"\0" + b"u" * 2**20 + b"\0pass",
        b"\0user\0" + b"p" * 1025,
        b"z" * 257 + b"\0user\0pass",
    ],
)
def test_broken_responses(response: bytes) -> None:
    """Rows S50 and S51: refused before anybody looks at an account."""
    with pytest.raises(SaslError) as caught:
        claimed(response)

    assert "pass" not in str(caught.value).replace("the password", "")


def test_names_have_one_spelling() -> None:
    """S51: one key for the account and for its throttle."""
    assert claimed("\0＂ad\u00admin＂\0pass".encode()).authcid == '"admin"'


def test_the_largest_response() -> None:
    """The limits themselves are allowed."""
    assert len(claimed(b"\0" + b"u" * 256 + b"\0" + b"p" * 1024).password.reveal()) == 1024


@pytest.mark.parametrize(
    "authcid, password, authzid",
    [
        ("", "pencil", ""),
        ("ann", "", ""),
        ("a\0nn", "pencil", ""),
        ("a\x01nn", "pencil", ""),
        ("ann", "pen\0cil", ""),
        ("ann", "pen\ud800cil", ""),
        ("ann", "pencil", "adm\0in"),
        ("ann\r\nRCPT TO:<e>", "pencil", ""),
    ],
)
def test_credentials_that_cannot_be_said(authcid: str, password: str, authzid: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, credentials(authcid, password, authzid)))


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_claim_or_refused(response: bytes) -> None:
    """No other error, and no claim without a name and a password."""
    try:
        claim = claimed(response)
    except SaslError:
        return

    assert claim.authcid
    assert claim.password
    assert claim.authcid.isprintable()
    assert claim.authzid.isprintable()
