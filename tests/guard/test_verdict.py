"""What the guard is asked and what it answers."""

from __future__ import annotations

from dataclasses import replace

from mailward.guard.verdict import Failure, Verdict
from tests.guard.doubles import World


def test_an_attempt_is_one_of_its_session() -> None:
    """Two sessions that try the same are two attempts; each holds a guess of its own."""
    attempt = World().attempt()

    assert replace(attempt) == attempt
    assert len({attempt, replace(attempt), replace(attempt, session="other")}) == 2


def test_a_plain_answer_lets_through() -> None:
    """What is not said is harmless."""
    assert Verdict() == Verdict(refused=None, until=None, allowed=True, delay=0.0, again=None, strong=False, rule="")
    assert Failure(delay=1.0, repeated=False).events == ()
