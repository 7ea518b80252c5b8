"""How a login goes on, and how it ends."""

from __future__ import annotations

from mailward.login import step
from mailward.login.step import Challenge, Outcome, Result


def test_a_failure_says_nothing() -> None:
    """There is one failure for every reason, and none names an account."""
    every = [step.FAILED, step.THROTTLED, step.UNAVAILABLE, step.CANCELLED, step.EXPOSED]

    assert [each.result for each in every] == [
        Result.FAILED,
        Result.THROTTLED,
        Result.UNAVAILABLE,
        Result.CANCELLED,
        Result.EXPOSED,
    ]
    assert all(each.account is None for each in every)
    assert Outcome(Result.FAILED) == step.FAILED


def test_a_challenge_is_its_octets() -> None:
    """Whatever the door makes of them."""
    assert Challenge(b"v=") == Challenge(b"v=")
    assert Challenge(b"") != Challenge(b"v=")
