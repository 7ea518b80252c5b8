from __future__ import annotations

from typing import Any

import pytest

from mailward.accounts.bearer_settings import ALGORITHMS, BearerSettings, check_url
from mailward.errors import InputError
from mailward.secret import Secret

ISSUER = "https://id.example.test/realms/mail"


def settings(**changed: Any) -> BearerSettings:
    return BearerSettings(**{"issuer": ISSUER, "audience": "mailward", **changed})


def test_issuer_and_audience_are_enough() -> None:
    """Everything else has a default, and every default signs with a key only the issuer has."""
    made = settings()

    assert made.account_claim == "email"
    assert set(made.algorithms) <= ALGORITHMS
    assert not made.insecure_http


@pytest.mark.parametrize(
    "key, changed",
    [
        ("issuer", {"issuer": ""}),
        ("issuer", {"issuer": "id.example.test"}),
        ("issuer", {"issuer": "http://id.example.test"}),
        ("issuer", {"issuer": "ftp://id.example.test"}),
        ("issuer", {"issuer": "https://user:pass@id.example.test"}),
        ("issuer", {"issuer": "https://id.example.test/?a=b"}),
        ("issuer", {"issuer": "https://id.example.test/#a"}),
        ("issuer", {"issuer": "https://id.example.test:99999"}),
        ("issuer", {"issuer": "https://[::1"}),
        ("issuer", {"issuer": "https://id.example.test/ x"}),
        ("issuer", {"issuer": "https://id.example.test/\n"}),
        ("issuer", {"issuer": "http://id.example.test", "insecure_http": True}),
        ("issuer", {"issuer": "http://192.0.2.1", "insecure_http": True}),
        ("issuer", {"issuer": "http://127.0.0.1"}),
        ("jwks", {"jwks": "http://id.example.test/keys"}),
        ("jwks", {"jwks": "https://i.test/k", "introspection": "https://i.test/i", "client_id": "x"}),
        ("introspection", {"introspection": "file:///etc/passwd"}),
        ("client_id", {"introspection": "https://id.example.test/i"}),
        ("client_id", {"introspection": "https://id.example.test/i", "client_id": "x"}),
        ("client_id", {"introspection": "https://i.test/i", "client_id": "a\nb", "client_secret": Secret("s")}),
        ("audience", {"audience": ""}),
        ("audience", {"audience": "a\nb"}),
        ("audience", {"audience": "a" * 257}),
        ("account_claim", {"account_claim": ""}),
        ("account_claim", {"account_claim": "e mail"}),
        ("scope", {"scopes": frozenset({"a b"})}),
        ("scope", {"scopes": frozenset({""})}),
        ("algorithms", {"algorithms": ()}),
        ("algorithms", {"algorithms": ("none",)}),
        ("algorithms", {"algorithms": ("RS256", "HS256")}),
        ("algorithms", {"algorithms": ("RS1",)}),
        ("leeway", {"leeway": -1.0}),
        ("leeway", {"leeway": 301.0}),
        ("leeway", {"leeway": float("nan")}),
        ("timeout", {"timeout": 0.0}),
        ("timeout", {"timeout": 60.0}),
    ],
)
def test_what_cannot_be_meant(key: str, changed: dict[str, Any]) -> None:
    """Each is refused with the name of the key."""
    with pytest.raises(InputError, match=rf"oauth2\.{key}: "):
        settings(**changed)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:8080/x", "http://localhost"])
def test_http_only_to_this_machine(url: str) -> None:
    """By a name that says what it is."""
    check_url("jwks", url, insecure_http=True)
    with pytest.raises(InputError, match="not https"):
        check_url("jwks", url, insecure_http=False)


def test_the_secret_is_not_shown() -> None:
    """Neither in the settings' repr."""
    made = settings(introspection="https://i.test/i", client_id="x", client_secret=Secret("hidden"))

    assert "hidden" not in repr(made)
