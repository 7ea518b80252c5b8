from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

import pytest

from mailward.errors import MechanismUnavailable, SaslError
from mailward.sasl.mechanism import (
    KINDS,
    Answer,
    ChannelBinding,
    ClientExchange,
    Credentials,
    FindKeys,
    Mechanism,
    PasswordClaim,
    ProofClaim,
    Refused,
    ask,
    find_keys,
    finish,
    refused,
    respond,
)
from mailward.secret import Secret
from tests.sasl.dialogue import BINDING, CLIENT_NONCE, credentials, keys_of


def one_response() -> Generator[bytes, bytes, None]:
    yield b"all I have to say"


def test_respond_refuses_to_go_on_for_ever() -> None:
    """A server that keeps asking (C15: a million times 334) is stopped at the first question too many."""
    exchange = one_response()
    next(exchange)

    with pytest.raises(SaslError, match="asks for more"):
        respond(exchange, b"more?")


def test_finish_is_content_at_the_end() -> None:
    """Nothing is raised when the last response was given."""
    exchange = one_response()
    next(exchange)

    finish(exchange)


def test_finish_refuses_success_in_the_middle() -> None:
    """A response still to be said was not said."""

    def two_responses() -> Generator[bytes, bytes, None]:
        yield b"one"
        yield b"two"

    exchange = two_responses()
    next(exchange)

    with pytest.raises(SaslError, match="in the middle"):
        finish(exchange)


def test_a_role_that_does_not_exist() -> None:
    """Calling it says so."""
    mechanism = Mechanism(name="NOTHING", strength=1)

    with pytest.raises(MechanismUnavailable):
        mechanism.client(credentials(), binding=None, server_offers_plus=False, nonce=CLIENT_NONCE)
    with pytest.raises(MechanismUnavailable):
        mechanism.server(None, bindings=(), plus_offered=False, nonce=CLIENT_NONCE)


def test_a_driver_that_mixes_up_its_answers_is_told() -> None:
    """Keys for a challenge, or a response for keys, is a fault of ours and no login."""
    question: Generator[object, Answer, object] = ask(b"?")
    next(question)
    with pytest.raises(TypeError):
        question.send(keys_of("pencil"))

    search: Generator[object, Answer, object] = find_keys("ann")
    assert next(search) == FindKeys("ann")
    with pytest.raises(TypeError):
        search.send(b"response")


def test_no_value_shows_a_secret() -> None:
    """None of these can leak a password, a key or a binding by being logged."""
    values = [
        Credentials("ann", Secret("hunter2")),
        PasswordClaim("ann", "", Secret("hunter2")),
        ProofClaim("ann", "", proven=True, channel_binding=None, final=b"v=hunter2"),
        ChannelBinding(BINDING.type, b"hunter2"),
    ]

    assert all("hunter2" not in repr(value) for value in values)


def test_the_last_words_after_a_refusal() -> None:
    """An exchange that was told why gives that; the others have nothing to say; none goes on."""

    def told() -> ClientExchange:
        try:
            yield b"token"
        except Refused:
            return "it is too old"
        return None

    def deaf() -> ClientExchange:
        while True:
            with suppress(Refused):
                yield b"again"

    for exchange, words in ((told(), "it is too old"), (one_response(), "")):
        next(exchange)
        assert refused(exchange) == words
    stubborn = deaf()
    next(stubborn)
    with pytest.raises(SaslError, match="goes on after the refusal"):
        refused(stubborn)


def test_credentials_of_every_kind() -> None:
    """A password is the default; the others need none, and know the server they are for."""
    assert Credentials("ann", Secret("x")).kind == "password"
    nobody = Credentials(kind="anonymous", host="mail.example.test", port=587)
    assert (nobody.authcid, bool(nobody.password), nobody.host, nobody.port) == ("", False, "mail.example.test", 587)
    assert set(KINDS) == {"password", "token", "certificate", "anonymous", "kerberos", "ntlm"}
