from __future__ import annotations

from pathlib import Path

import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import BadBindingsError, InvalidTokenError

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import ChannelBinding, ClientExchange, Credentials, finish, respond
from mailward.sasl.mechanisms.ntlm import MECHANISM
from mailward.secret import Secret
from tests.sasl.dialogue import BINDING, OTHER_BINDING, start_client


def ann(password: str = "pässwörd", authcid: str = "EXAMPLE\\ann", authzid: str = "") -> Credentials:
    return Credentials(authcid, Secret(password), authzid, kind="ntlm", host="mail.example.test")


def client_of(who: Credentials, binding: ChannelBinding | None = BINDING) -> ClientExchange:
    return start_client(MECHANISM, who, binding=binding)


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the oracle's server."""
    file = tmp_path / "accounts"
    file.write_text("EXAMPLE:ann:pässwörd\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))


def a_server(binding: ChannelBinding | None = None) -> spnego.ContextProxy:
    bound = binding and GssChannelBindings(application_data=binding.type.encode() + b":" + binding.data)
    return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm, channel_bindings=bound or None)


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("bound", [True, False])
def test_our_client_logs_in_to_pyspnego(bound: bool) -> None:
    """The oracle as server, whether or not it looks at the channel binding."""
    server = a_server(BINDING if bound else None)
    client = client_of(ann())

    challenge = server.step(next(client))
    assert challenge is not None
    assert server.step(respond(client, challenge)) is None
    assert server.complete
    assert server.client_principal == "EXAMPLE\\ann"
    finish(client)


@pytest.mark.usefixtures("accounts")
def test_a_wrong_password() -> None:
    """The oracle refuses it."""
    server = a_server()
    client = client_of(ann("crayon"))
    challenge = server.step(next(client))
    assert challenge is not None
    answer = respond(client, challenge)

    with pytest.raises(InvalidTokenError):
        server.step(answer)


@pytest.mark.usefixtures("accounts")
def test_a_login_that_was_handed_on() -> None:
    """The oracle, at the end of another channel, refuses the right password."""
    server = a_server(OTHER_BINDING)
    client = client_of(ann())
    challenge = server.step(next(client))
    assert challenge is not None
    answer = respond(client, challenge)

    with pytest.raises(BadBindingsError):
        server.step(answer)


@pytest.mark.usefixtures("accounts")
def test_a_server_that_ignores_the_initial_response() -> None:
    """It says that it supports NTLM, and hears the first message again."""
    server = a_server()
    client = client_of(ann())

    first = next(client)
    assert respond(client, b"NTLM supported") == first
    challenge = server.step(first)
    assert challenge is not None
    server.step(respond(client, challenge))
    assert server.complete


@pytest.mark.parametrize("challenge", [b"", b"NTLM supported", b"NTLMSSP\0", b"NTLMSSP\0\x01\0\0\0" + b"\xff" * 40])
def test_challenges_that_are_none(challenge: bytes) -> None:
    """C15: an error of ours, in which neither the password nor a frame of the library's is found."""
    client = client_of(ann())
    next(client)

    with pytest.raises(SaslError) as caught:
        respond(client, challenge)
        respond(client, challenge)
    assert "pässwörd" not in str(caught.value)
    assert caught.value.__context__ is None


def test_success_before_the_proof() -> None:
    """Nobody logs in by saying hello."""
    client = client_of(ann())
    next(client)

    with pytest.raises(SaslError):
        finish(client)


@pytest.mark.parametrize("who", [ann(""), ann(authcid=""), ann(authzid="admin")], ids=["password", "name", "authzid"])
def test_credentials_that_cannot_be_said(who: Credentials) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(client_of(who))


def test_it_is_used_only_where_it_is_asked_for() -> None:
    """By the kind of the credentials or by name, and never outside TLS."""
    assert (MECHANISM.credential, MECHANISM.by_name, MECHANISM.reveals_password) == ("ntlm", ("password",), True)
