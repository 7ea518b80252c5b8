from __future__ import annotations

import hashlib
import hmac

import pytest

from mailward.errors import InputError, MechanismUnavailable, SaslError
from mailward.sasl.mechanism import finish, respond
from mailward.sasl.mechanisms.cram_md5 import MECHANISM
from tests.sasl.dialogue import credentials, start_client


def test_the_example_of_rfc_2195() -> None:
    """§2, octet for octet; the server speaks first."""
    client = start_client(MECHANISM, credentials("tim", "tanstaaftanstaaf"))

    assert MECHANISM.server_first
    assert next(client) == b""
    answer = respond(client, b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"
    finish(client)


def test_a_password_that_is_not_ascii() -> None:
    """UTF-8, as PLAIN says it."""
    client = start_client(MECHANISM, credentials("jörg", "pässwörd"))
    next(client)

    digest = hmac.new("pässwörd".encode(), b"<1@x>", hashlib.md5).hexdigest()
    assert respond(client, b"<1@x>") == f"jörg {digest}".encode()


@pytest.mark.parametrize("challenge", [b"", b"x" * 1025, b"x" * 2**20])
def test_a_challenge_that_is_none(challenge: bytes) -> None:
    """C15: an empty one would be the same each time; a mebibyte is no message identifier."""
    client = start_client(MECHANISM, credentials())
    next(client)

    with pytest.raises(SaslError, match="challenge"):
        respond(client, challenge)


def test_success_before_the_answer() -> None:
    """Nobody logs in by naming a mechanism."""
    client = start_client(MECHANISM, credentials())
    next(client)

    with pytest.raises(SaslError):
        finish(client)


@pytest.mark.parametrize(
    "name, password, authzid",
    [("", "p", ""), ("a", "", ""), ("a\0", "p", ""), ("a\r\n", "p", ""), ("a", "p\0", ""), ("a", "p", "admin")],
)
def test_credentials_that_cannot_be_said(name: str, password: str, authzid: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, credentials(name, password, authzid)))


def test_a_system_without_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS: told as what it is, without a frame that holds the password."""

    def forbidden(*_: object) -> bytes:
        raise ValueError("[digital envelope routines] unsupported")

    client = start_client(MECHANISM, credentials())
    next(client)
    monkeypatch.setattr(hmac, "digest", forbidden)
    with pytest.raises(MechanismUnavailable, match="FIPS") as caught:
        respond(client, b"<1@x>")

    assert caught.value.__context__ is None


def test_it_is_used_only_where_it_is_named() -> None:
    """And never outside TLS: what is heard can be guessed at leisure."""
    assert MECHANISM.by_name == ("password",)
    assert MECHANISM.reveals_password
