"""One question to a token endpoint: a token, or a typed error with advice and without any secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailward.client.oauth2_endpoint import Endpoint, Field, Token
from mailward.errors import (
    AuthUnavailable,
    CertificateError,
    ConnectError,
    DeadlineExceeded,
    InvalidUrl,
    MailwardError,
    TokenRefused,
)
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.certificates import authority
from tests.support.drivers import Driver, both_drivers
from tests.support.taint import findings
from tests.support.token_endpoint import CLIENT, CLIENT_SECRET, REFRESH, TokenEndpoint, token_endpoint

SECRETS = (CLIENT_SECRET, REFRESH, "access-1")


def ask(driver: Driver, server: TokenEndpoint, **how: Any) -> Token:
    url = how.pop("url", server.token_url)
    total = how.pop("total", 5.0)
    secret = how.pop("client_secret", CLIENT_SECRET)
    how = {"ca": server.ca, "client_auth": "post", **how}

    async def flow(ports: Ports) -> Token:
        endpoint = Endpoint(CLIENT, Secret(secret), **how)
        fields: dict[str, Field] = {"grant_type": "refresh_token", "refresh_token": Secret(REFRESH)}
        return await endpoint.token(url, fields, ports, until=ports.now() + total)

    return driver.run(flow)


@both_drivers
@pytest.mark.parametrize("client_auth", ["basic", "post"])
def test_a_token(driver: Driver, client_auth: str) -> None:
    """Its life is counted from now; the client's secret goes by the way that was asked for."""
    with token_endpoint(rotates=True) as server:
        token = ask(driver, server, client_auth=client_auth)

    assert token.access == Secret("access-1")
    assert token.refresh == Secret("refresh-2")
    assert token.lifetime == 3600
    assert token.until is not None
    assert token.is_fresh(token.until - 61)
    assert not token.is_fresh(token.until - 59)
    assert (server.forms[0].get("by") == "basic") is (client_auth == "basic")


@pytest.mark.parametrize(("lifetime", "margin"), [(3600, 60), (100, 10), (10, 1), (0, 0)])
def test_a_token_is_renewed_before_it_expires(lifetime: float, margin: float) -> None:
    """A minute before, or a tenth of its life; one that lives for ever is never stale."""
    token = Token(Secret("x"), 1000.0 + lifetime, lifetime=lifetime)

    assert token.is_fresh(1000.0 + lifetime - margin - 0.01)
    assert not token.is_fresh(1000.0 + lifetime - margin + 0.01)
    assert Token(Secret("x")).is_fresh(1e12)


@both_drivers
@pytest.mark.parametrize("said", ["3600", 3600.0, None, "soon", -1, True, 10**400])
def test_what_servers_say_of_the_lifetime(driver: Driver, said: Any) -> None:
    """A number, a number as a text, or nothing that can be used."""
    with token_endpoint(lifetime=said) as server:
        token = ask(driver, server)

    assert token.lifetime == {"3600": 3600.0, 3600.0: 3600.0, True: 1.0}.get(said)


def error_of(driver: Driver, server: TokenEndpoint, **how: Any) -> MailwardError:
    with pytest.raises(MailwardError) as caught:
        ask(driver, server, **how)
    assert findings(caught.value, SECRETS) == []
    assert caught.value.phase == "oauth2"
    return caught.value


@both_drivers
@pytest.mark.parametrize(
    ("status", "said", "kind", "reason", "advice"),
    [
        (400, {"error": "invalid_grant"}, TokenRefused, "invalid_grant", "authorise this program again"),
        (401, {"error": "invalid_client"}, TokenRefused, "invalid_client", "check client_id and client_secret"),
        (400, {"error": "invalid_scope"}, TokenRefused, "invalid_scope", "check scope="),
        (400, {"error": "unauthorized_client"}, TokenRefused, "unauthorized_client", "allow this way"),
        (400, {"error": "odd"}, TokenRefused, "odd", "see what"),
        (
            401,
            {"error": "invalid_client", "error_description": "AADSTS7000222: x"},
            TokenRefused,
            "invalid_client",
            "expired",
        ),
        (
            400,
            {"error": "invalid_grant", "error_description": "AADSTS65001: x"},
            TokenRefused,
            "invalid_grant",
            "SMTP.Send",
        ),
        (400, {"error": "temporarily_unavailable"}, AuthUnavailable, "", "try again"),
        (503, {}, AuthUnavailable, "", "try again"),
        (429, "slow down", AuthUnavailable, "", "try again"),
        (404, "<html>", TokenRefused, "", "see what"),
        (302, {}, TokenRefused, "", "see what"),
        (200, {"access_token": ""}, TokenRefused, "", "URL of the token endpoint"),
        (200, {"access_token": "a b\n"}, TokenRefused, "", "URL of the token endpoint"),
        (200, {"access_token": "x" * 13_000}, TokenRefused, "", "URL of the token endpoint"),
        (200, {"access_token": 5}, TokenRefused, "", "URL of the token endpoint"),
        (200, {"access_token": "access-1", "token_type": "mac"}, TokenRefused, "", "URL of the token endpoint"),
        (200, ["access-1"], TokenRefused, "", "see what"),
        (200, {"error": "invalid_scope", "access_token": "access-1"}, TokenRefused, "invalid_scope", "check scope="),
        (400, {"error": ["a"], "error_description": {}}, TokenRefused, "", "see what"),
        (400, {"error": "\x1b[2J", "error_description": "\u202e"}, TokenRefused, "", "see what"),
    ],
    ids=range(21),
)
def test_what_is_refused(driver: Driver, status: int, said: Any, kind: type, reason: str, advice: str) -> None:
    """Each answer by its kind, with what to do."""
    with token_endpoint(answers=[(status, json.dumps(said).encode())]) as server:
        error = error_of(driver, server)

    assert type(error) is kind
    assert getattr(error, "reason", "") == reason
    assert advice in error.advice
    assert error.retryable is (kind is AuthUnavailable)
    assert "127.0.0.1" in str(error)
    assert str(error).isprintable()


@both_drivers
def test_a_description_that_repeats_a_secret_is_left_out(driver: Driver) -> None:
    """The server's words are shown only where they have none of what we sent."""
    said = {"error": "invalid_grant", "error_description": f"unknown token {REFRESH}"}
    with token_endpoint(answers=[(400, json.dumps(said).encode())]) as server:
        assert str(error_of(driver, server)).endswith("gave no access token: invalid_grant")
    with token_endpoint(answers=[(400, json.dumps({"error": REFRESH}).encode())]) as server:
        assert str(error_of(driver, server)).endswith("gave no access token: HTTP 400")
    said["error_description"] = "The token was revoked."
    with token_endpoint(answers=[(400, json.dumps(said).encode())]) as server:
        assert str(error_of(driver, server)).endswith("invalid_grant: The token was revoked.")


@both_drivers
def test_the_way_there(driver: Driver) -> None:
    """TLS is verified by ca= of its own, and everything within the time; clear text is refused before a word."""
    with token_endpoint() as server:
        assert isinstance(error_of(driver, server, ca=authority("another").pem), CertificateError)
        assert isinstance(error_of(driver, server, url="http://example.test/token"), InvalidUrl)
        assert isinstance(error_of(driver, server, total=0.0), DeadlineExceeded)
        server.wait = 0.6
        assert isinstance(error_of(driver, server, total=0.3), DeadlineExceeded)
    assert isinstance(error_of(driver, server, url="https://127.0.0.1:9/token"), ConnectError)


@both_drivers
@pytest.mark.parametrize("body", [b"", b"{", b"[" * 5000, b"\xff", b"null"], ids=range(5))
def test_an_answer_that_is_no_json(driver: Driver, body: bytes) -> None:
    """It is no token, whatever its status says."""
    with token_endpoint(answers=[(200, body)]) as server:
        assert "HTTP 200" in str(error_of(driver, server))
