from __future__ import annotations

import pytest

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import PasswordClaim, finish, respond
from mailward.sasl.mechanisms.login import MECHANISM
from mailward.secret import Secret
from tests.sasl.dialogue import Server, converse, credentials, start_client


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("password", ["pencil", "pässwörd"])
def test_client_and_server(initial: bool, password: str) -> None:
    """With the name as initial response, and asked for it."""
    client = start_client(MECHANISM, credentials("ann", password))

    assert converse(client, MECHANISM, Server({}), initial=initial) == PasswordClaim("ann", "", Secret(password))


def test_the_server_asks_in_the_usual_words() -> None:
    """Old clients look for exactly these."""
    server = Server({})
    exchange = server.start(MECHANISM, None)

    assert server.step(exchange, None) == b"Username:"
    assert server.step(exchange, b"ann") == b"Password:"
    assert server.step(exchange, b"pencil") == PasswordClaim("ann", "", Secret("pencil"))


@pytest.mark.parametrize("question", [b"Username:", b"User Name\0", b"username", b"login:"])
def test_a_server_that_ignores_the_initial_response(question: bytes) -> None:
    """It asks for the name, and hears the name: never the password in its place."""
    client = start_client(MECHANISM, credentials("ann", "pencil"))

    assert next(client) == b"ann"
    assert respond(client, question) == b"ann"
    assert respond(client, b"Password:") == b"pencil"
    finish(client)


def test_a_server_that_keeps_asking_for_the_name() -> None:
    """C15: twice is once too often; the password is not said."""
    client = start_client(MECHANISM, credentials())
    next(client)
    respond(client, b"Username:")

    with pytest.raises(SaslError, match="never asked for the password"):
        respond(client, b"Username:")


def test_prompts_in_the_wrong_order() -> None:
    """C15: the password goes to the question for it only, and the question after it is not answered."""
    client = start_client(MECHANISM, credentials("ann", "pencil"))
    next(client)

    assert respond(client, b"Password:") == b"pencil"
    with pytest.raises(SaslError):
        respond(client, b"Username:")


def test_success_before_the_password() -> None:
    """Nobody logs in with a name alone."""
    client = start_client(MECHANISM, credentials())
    next(client)

    with pytest.raises(SaslError):
        finish(client)


@pytest.mark.parametrize(
    "name, password", [("", "pencil"), ("ann", ""), ("a\0nn", "pencil"), ("ann", "pen\0cil"), ("ann\r\n", "pencil")]
)
def test_credentials_that_cannot_be_said(name: str, password: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, credentials(name, password)))


def test_it_cannot_carry_another_identity() -> None:
    """There is no place for it, so the caller is told."""
    with pytest.raises(InputError, match="authorization identity"):
        next(start_client(MECHANISM, credentials("ann", "pencil", "admin")))


@pytest.mark.parametrize(
    "name, password",
    [
        (b"", b"pencil"),  # S52: "=" is an empty response
        (b"ann", b""),
        (b"ann", b"\xc2\xad"),
        (b"a\0nn", b"pencil"),
        (b"ann", b"pen\0cil"),
        (b"ann\xff", b"pencil"),
        (b"ann ", b"pencil"),
        (b"a" * 257, b"pencil"),
        (b"ann", b"p" * 1025),
        (b"ann", b"p" * 2**20),
        (b"ann\nReceived: evil", b"pencil"),
    ],
)
def test_broken_responses(name: bytes, password: bytes) -> None:
    """Rows S50 to S52."""
    server = Server({})
    exchange = server.start(MECHANISM, name)
    assert server.step(exchange, None) == b"Password:"

    with pytest.raises(SaslError):
        server.step(exchange, password)
