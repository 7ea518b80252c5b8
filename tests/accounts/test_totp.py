"""Codes of an authenticator: the vectors of RFC 4226 and RFC 6238, and what authenticators read."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts import totp

RFC_SECRET = b"12345678901234567890"


def test_the_vectors_of_hotp() -> None:
    """RFC 4226, appendix D."""
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]

    assert [totp.code(RFC_SECRET, step) for step in range(10)] == codes


@pytest.mark.parametrize(
    "seconds,code",
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_totp(seconds: int, code: str) -> None:
    """RFC 6238, appendix B: SHA-1, eight digits."""
    assert totp.code(RFC_SECRET, seconds // 30, digits=8) == code
    assert totp.step_of(RFC_SECRET, code[2:], seconds) == seconds // 30


@given(st.binary(min_size=20, max_size=20), st.text(max_size=30))
def test_the_uri_is_read_as_it_was_written(secret: bytes, account: str) -> None:
    """Secret, account and issuer come out of it again, whatever is in the name; the secret without padding."""
    parts = urlsplit(totp.uri(secret, account, "mx:1.example.test"))
    issuer, _, name = parts.path.removeprefix("/").partition(":")
    query = parse_qs(parts.query)

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert (unquote(issuer), unquote(name)) == ("mx:1.example.test", account)
    assert query == {"secret": [base64.b32encode(secret).decode()], "issuer": ["mx:1.example.test"]}
    assert "=" not in query["secret"][0]


def test_a_clock_may_be_a_step_off() -> None:
    """The step before and the one after are taken; two are not; space around the code is none of it."""
    codes = {step: totp.code(RFC_SECRET, 100 + step) for step in (-2, -1, 0, 1, 2)}
    found = {step: totp.step_of(RFC_SECRET, f" {code}\n", 3015.0) for step, code in codes.items()}

    assert found == {-2: None, -1: 99, 0: 100, 1: 101, 2: None}


@given(st.text(max_size=12))
def test_anything_else_is_no_code(given_text: str) -> None:
    """Any text has an answer."""
    right = {totp.code(RFC_SECRET, step) for step in (99, 100, 101)}

    assert (totp.step_of(RFC_SECRET, given_text, 3015.0) is None) == (given_text.strip() not in right)


def test_secrets_are_long_and_different() -> None:
    """160 bits each."""
    made = {totp.new_secret() for _ in range(50)}

    assert len(made) == 50
    assert {len(each) for each in made} == {20}
