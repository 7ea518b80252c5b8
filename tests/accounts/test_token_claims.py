from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.bearer_settings import BearerSettings
from mailward.accounts.token_claims import BadToken, BearerAnswer, judged

NOW = 1_700_000_000.0
ISSUER = "https://id.example.test"
SETTINGS = BearerSettings(issuer=ISSUER, audience="mailward", scopes=frozenset({"mail"}), leeway=30.0)


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a good token; what is changed to None is left out."""
    whole = {
        "iss": ISSUER,
        "aud": "mailward",
        "exp": NOW + 600,
        "iat": NOW,
        "scope": "openid mail",
        "email": "Ann@Example.test",
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": ["other", "mailward"]},
        {"iat": None},
        {"iat": NOW + 29},
        {"nbf": NOW + 29},
        {"exp": NOW - 29},
        {"exp": NOW + 0.5},
        {"scope": None, "scp": ["mail"]},
        {"scope": None, "scp": "mail"},
        {"email_verified": True},
        {"email": "ａnn@example.test"},
    ],
)
def test_good_claims(changed: dict[str, Any]) -> None:
    """The account in its one spelling; clocks may differ by the leeway."""
    answer = judged(claims(**changed), SETTINGS, NOW)

    assert answer.account == "ann@example.test"
    assert answer.issuer == ISSUER
    assert "mail" in answer.scopes
    assert answer.expires == changed.get("exp", NOW + 600)


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"iss": None}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": ISSUER.upper()}, "another issuer"),
        ({"iss": [ISSUER]}, "another issuer"),
        ({"aud": None}, "another audience"),
        ({"aud": "mailwar"}, "another audience"),
        ({"aud": "mailward2"}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": [["mailward"]]}, "another audience"),
        ({"aud": {"mailward": 1}}, "another audience"),
        ({"exp": None}, "never expires"),
        ({"exp": NOW - 30}, "has expired"),
        ({"exp": 0}, "has expired"),
        ({"exp": "1800000000"}, "exp is no date"),
        ({"exp": True}, "exp is no date"),
        ({"exp": float("nan")}, "exp is no date"),
        ({"exp": float("inf")}, "exp is no date"),
        ({"exp": 10**400}, "exp is no date"),
        ({"exp": -1}, "exp is no date"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"nbf": "soon"}, "nbf is no date"),
        ({"iat": NOW + 31}, "in the future"),
        ({"iat": [1]}, "iat is no date"),
        ({"scope": None}, "scope"),
        ({"scope": "mailbox"}, "scope"),
        ({"scope": "openid,mail"}, "scope"),
        ({"scope": 7}, "scope is no text"),
        ({"scope": ["mail bad"]}, "scope"),
        ({"cnf": {"jkt": "x"}}, "bound to a key"),
        ({"email": None}, "no email"),
        ({"email": ""}, "no email"),
        ({"email": 7}, "no email"),
        ({"email": "a b@c@d"}, "no account's name"),
        ({"email": "ann\r\n@example.test"}, "no account's name"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "false"}, "not verified"),
    ],
)
def test_bad_claims(changed: dict[str, Any], reason: str) -> None:
    """S55: each is told apart for the operator."""
    with pytest.raises(BadToken, match=reason) as caught:
        judged(claims(**changed), SETTINGS, NOW)

    assert reason in caught.value.reason


def test_another_claim_may_name_the_account() -> None:
    """Whichever is configured, and then no e-mail address has to be verified."""
    settings = BearerSettings(issuer=ISSUER, audience="mailward", account_claim="preferred_username")
    answer = judged(claims(preferred_username="ANN", email_verified=False, scope=None), settings, NOW)

    assert answer == BearerAnswer("ann", ISSUER, frozenset(), NOW + 600)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "scope", "scp", "cnf", "email", "email_verified"]), _JSON)
def test_whatever_a_claim_holds_is_judged(name: str, value: object) -> None:
    """An answer or BadToken, never another error."""
    try:
        answer = judged({**claims(), name: value}, SETTINGS, NOW)
    except BadToken:
        return
    assert answer.account
