"""What servers say when they refuse a login, and what it is for the caller."""

from __future__ import annotations

import base64

import pytest

from mailward.client.login_refusal import refusal
from mailward.errors import AuthError, AuthUnavailable, BadCredentials, MechanismUnavailable, PolicyBlocked
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret
from mailward.wire.reply import Reply

ANN = Credentials("ann", Secret("correct horse"), host="smtp.office365.com")


@pytest.mark.parametrize(
    "code, enhanced, text, kind",
    [
        (535, "5.7.8", "Error: authentication failed", BadCredentials),
        (535, None, "Incorrect authentication data", BadCredentials),
        (535, "5.7.3", "Authentication unsuccessful", BadCredentials),
        (535, "5.7.8", "Username and Password not accepted. For more information, go to", BadCredentials),
        (535, "5.7.139", "Authentication unsuccessful, the user credentials were incorrect.", BadCredentials),
        (550, "5.7.8", "no", BadCredentials),
        (
            535,
            "5.7.139",
            "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            PolicyBlocked,
        ),
        (535, "5.7.139", "Authentication unsuccessful, basic authentication is disabled.", PolicyBlocked),
        (535, "5.7.139", "Authentication unsuccessful, user is locked by your security defaults policy", PolicyBlocked),
        (550, "5.7.30", "Basic authentication is not supported for Client Submission.", PolicyBlocked),
        (534, "5.7.9", "Application-specific password required. For more information, go to", PolicyBlocked),
        (534, "5.7.14", "Please log in via your web browser and then try again.", PolicyBlocked),
        (530, "5.7.57", "Client not authenticated to send mail", PolicyBlocked),
        (535, None, ("For more:", "Application-Specific", "Password required"), PolicyBlocked),
        (504, "5.5.4", "Unrecognized authentication type", MechanismUnavailable),
        (504, "5.7.4", "security features not supported", MechanismUnavailable),
        (534, "5.7.9", "Authentication mechanism is too weak", MechanismUnavailable),
        (538, "5.7.11", "Encryption required for requested authentication mechanism", MechanismUnavailable),
        (554, "5.7.4", "no", MechanismUnavailable),
        (454, "4.7.0", "Temporary authentication failure", AuthUnavailable),
        (421, "4.7.0", "Too many errors", AuthUnavailable),
        (432, "4.7.12", "A password transition is needed", AuthUnavailable),
        (451, "4.7.1", "greylisted", AuthUnavailable),
        (535, "5.7.0", "(#AUTH005) Too many bad auth attempts", AuthUnavailable),
        (500, "5.5.6", "Authentication exchange line is too long", AuthError),
        (501, "5.5.2", "Cannot decode", AuthError),
        (535, None, "Authentication failed. Please try again later.", BadCredentials),
        (250, "2.0.0", "Ok", AuthError),
        (503, "5.5.1", "already logged in", AuthError),
    ],
)
def test_kinds(code: int, enhanced: str | None, text: str | tuple[str, ...], kind: type[AuthError]) -> None:
    """RFC 4954 §6 by the codes; what providers use one code for, by their words."""
    error = refusal(Reply(code, text, enhanced), ANN, mechanism="PLAIN")

    assert type(error) is kind
    assert (error.phase, error.code, error.enhanced_code) == ("auth", code, enhanced)
    assert error.retryable is (kind is AuthUnavailable)
    assert error.advice


def test_what_it_says() -> None:
    """Who, by what, the reply, and what the mechanism was told; fit for a terminal."""
    error = refusal(Reply(535, "n\x1bo", "5.7.8"), Credentials("a\u202enn"), mechanism="XOAUTH2", told="status 401")

    assert str(error).startswith("the server refused the login of a")
    assert str(error).endswith("(status 401)")
    assert "by XOAUTH2: 535 5.7.8" in str(error)
    assert str(error).isprintable()
    assert "login of nobody by EXTERNAL" in str(refusal(Reply(535, "no"), Credentials(), mechanism="EXTERNAL"))


def test_the_advice_of_who_knows_the_provider() -> None:
    """Where the reply is a known one its own advice is given."""
    disabled = Reply(
        535, "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", "5.7.139"
    )
    strange = Reply(535, "nope", "5.7.8")

    assert "administrator" in refusal(disabled, ANN, mechanism="LOGIN").advice
    token = Credentials("ann", Secret("t"), kind="token", host="smtp.office365.com")
    assert "token" in refusal(strange, token, mechanism="XOAUTH2").advice
    assert "counts against the account" in refusal(strange, ANN, mechanism="LOGIN").advice


@pytest.mark.parametrize(
    "text",
    [
        "password correct horse is wrong",
        "what is " + base64.b64encode(b"\0ann\0correct horse").decode(),
        "what is " + base64.b64encode(b"correct horse").decode(),
        "what is " + base64.b64encode(b"\0correct horse battery").decode(),
        b"correct horse".hex(),
    ],
)
def test_a_server_that_says_the_secret_back(text: str) -> None:
    """E14: then its text is not shown, wherever it stands."""
    for error in (
        refusal(Reply(535, ("no:", text), "5.7.8"), ANN, mechanism="PLAIN"),
        refusal(Reply(535, "no", "5.7.8"), ANN, mechanism="PLAIN", told=text),
    ):
        assert text not in str(error)
        assert "repeats the secret" in str(error)
        assert type(error) is BadCredentials
