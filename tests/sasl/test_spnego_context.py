from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import spnego
from spnego.exceptions import NoCredentialError

from mailward.errors import AuthError, AuthUnavailable, BadCredentials, InputError, MechanismUnavailable, SaslError
from mailward.sasl.mechanism import Credentials
from mailward.sasl.spnego_context import MAX_TOKEN, _asked, kerberos, ntlm
from mailward.secret import Secret

ANN = Credentials("ann", Secret("hunter2"), kind="ntlm", host="mail.example.test")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra to install, and nothing of the login was said."""
    monkeypatch.setitem(sys.modules, "spnego", None)

    with pytest.raises(MechanismUnavailable, match="NTLM logins need a library") as caught:
        ntlm(ANN, binding=None)
    assert caught.value.advice == "pip install 'mailward[kerberos]'"
    with pytest.raises(MechanismUnavailable, match="GSSAPI logins need a library") as caught:
        kerberos(ANN)
    assert caught.value.advice.startswith("pip install 'mailward[kerberos]'")


def test_without_the_system_s_kerberos(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyspnego alone knows no Kerberos; that is the same error."""
    monkeypatch.setattr("spnego._gss.HAS_GSSAPI", False)

    with pytest.raises(MechanismUnavailable, match="GSSAPI") as caught:
        kerberos(ANN)
    assert "the system's Kerberos" in caught.value.advice


def test_a_ticket_is_for_a_host() -> None:
    """Without its name there is nothing to ask for."""
    with pytest.raises(InputError, match="server's name"):
        kerberos(Credentials(kind="kerberos"))


@pytest.mark.parametrize("token", [b"", b"x" * (MAX_TOKEN + 1)])
def test_tokens_out_of_bounds(token: bytes) -> None:
    """Refused before the library sees them."""
    context = ntlm(ANN, binding=None)
    context.step(None)

    with pytest.raises(SaslError, match="empty or longer"):
        context.step(token)


def test_the_library_s_errors_are_ours() -> None:
    """In few words, with no frame of the library, which would hold the password."""
    context = ntlm(ANN, binding=None)
    for wrong in (context.wrap, context.unwrap):
        with pytest.raises(SaslError, match="the security context failed") as caught:
            wrong(b"x")
        assert caught.value.__context__ is None
        assert "hunter2" not in str(caught.value)
    assert not context.complete
    assert not context.mutual


class Krb5Error(Exception):
    """As the bindings to the system's Kerberos raise it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"no ticket {code}")
        self.err_code = code


@pytest.mark.parametrize(
    "code, kind",
    [(-1765328360, BadCredentials), (-1765328353, BadCredentials), (-1765328228, AuthUnavailable), (-1, AuthError)],
)
def test_what_the_system_s_kerberos_says(code: int, kind: type[AuthError], monkeypatch: pytest.MonkeyPatch) -> None:
    """pyspnego lets its errors through: a wrong password, a realm that is away, and the rest are told apart."""

    def refuse(*_: object, **__: object) -> None:
        raise Krb5Error(code)

    monkeypatch.setitem(sys.modules, "krb5", SimpleNamespace(Krb5Error=Krb5Error))
    monkeypatch.setattr(spnego, "client", refuse)
    with pytest.raises(AuthError) as caught:
        kerberos(ANN)

    assert type(caught.value) is kind
    assert caught.value.__context__ is None
    assert caught.value.advice
    assert "hunter2" not in str(caught.value)


def test_no_ticket() -> None:
    """The library's own word for it is no fault of the server's."""
    context = ntlm(ANN, binding=None)
    context.step(None)
    with pytest.raises(SaslError):
        context.step(b"x")

    with pytest.raises(AuthError, match="no credentials here"):
        _asked(no_credentials, ours=True)


def no_credentials() -> None:
    raise NoCredentialError(context_msg="no credentials here")
