from __future__ import annotations

import hashlib

import pytest

from mailward.accounts.token_cache import BAD_FOR, GOOD_FOR, TokenCache
from mailward.accounts.token_claims import BadToken, BearerAnswer
from mailward.secret import Secret

TOKEN = Secret("token")


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def answer(expires: float) -> BearerAnswer:
    return BearerAnswer("ann@example.test", "https://id.example.test", frozenset(), expires)


@pytest.mark.parametrize("expires, until", [(1100.0, 1100.0), (1e9, 1000.0 + GOOD_FOR)])
def test_a_good_answer_is_kept_for_a_while(expires: float, until: float) -> None:
    """To the end of the token, and never longer than five minutes: so long a revoked one works on."""
    clock = Clock()
    cache = TokenCache(now=clock)
    cache.good(TOKEN, answer(expires))

    clock.time = until - 0.001
    assert cache.find(TOKEN) == answer(expires)
    clock.time = until
    assert cache.find(TOKEN) is None
    assert len(cache) == 0


def test_a_bad_answer_is_kept_for_less() -> None:
    """Half a minute."""
    clock = Clock()
    cache = TokenCache(now=clock)
    cache.bad(TOKEN, "it has expired")

    with pytest.raises(BadToken, match="it has expired"):
        cache.find(TOKEN)
    clock.time += BAD_FOR
    assert cache.find(TOKEN) is None


def test_it_is_bounded_and_bad_ones_push_no_good_one_out() -> None:
    """Anybody can send bad tokens."""
    cache = TokenCache(now=Clock(), size=3)
    cache.good(TOKEN, answer(1e9))
    for number in range(1000):
        cache.bad(Secret(f"bad {number}"), "x")

    assert len(cache) == 4
    assert cache.find(TOKEN) == answer(1e9)


def test_what_was_used_last_stays() -> None:
    """The one that nobody asks for goes first."""
    cache = TokenCache(now=Clock(), size=2)
    for name in ("one", "two"):
        cache.good(Secret(name), answer(1e9))
    cache.find(Secret("one"))
    cache.good(Secret("three"), answer(1e9))

    assert cache.find(Secret("two")) is None
    assert cache.find(Secret("one")) is not None


def test_no_token_is_kept() -> None:
    """Only its hash."""
    cache = TokenCache(now=Clock())
    cache.good(TOKEN, answer(1e9))
    cache.bad(Secret("other"), "x")

    kept = [*cache._good._values, *cache._bad._values]
    assert kept == [hashlib.sha256(text).digest() for text in (b"token", b"other")]
