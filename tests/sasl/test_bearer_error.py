from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.sasl.bearer_error import MAX_CHALLENGE, told

PREFIX = "the server says of the token: "


@pytest.mark.parametrize(
    "challenge, words",
    [
        (b'{"status":"invalid_token"}', "status invalid_token"),
        (b'{"status":"401","schemes":"bearer","scope":"a b"}', "status 401, scope a b, schemes bearer"),
        (b'{"status":400}', "status 400"),
        (b'{"scope":"x","openid-configuration":"https://x/"}', "scope x, openid-configuration https://x/"),
        (b"{}", "nothing"),
        (b"[]", "nothing"),
        (b"null", "nothing"),
        (b'{"status":["a"],"scope":{}}', "nothing"),
        (b"invalid token", "invalid token"),
    ],
)
def test_what_is_told(challenge: bytes, words: str) -> None:
    """RFC 7628 §3.2.2 and what Google says of XOAUTH2; text that is no JSON is shown as it is."""
    assert told(challenge) == PREFIX + words


@pytest.mark.parametrize(
    "challenge",
    [
        b"[" * MAX_CHALLENGE,
        b'{"status":"' + b"x" * 3000 + b'"}',
        b'{"status":"\\u001b[2J\\u202e"}',
        b"\xff\xfe\x1b[2J",
        b"x" * (MAX_CHALLENGE + 1),
        b"x" * 2**20,
        b"9" * 4096,
    ],
    ids=range(7),
)
def test_hostile_challenges(challenge: bytes) -> None:
    """C15: bounded and fit for a terminal, whatever it is."""
    said = told(challenge)

    assert said.isprintable()
    assert len(said) < 300


@given(st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
def test_whatever_comes_can_be_shown(challenge: bytes) -> None:
    """No exception and nothing that moves a cursor."""
    assert told(challenge).isprintable()
