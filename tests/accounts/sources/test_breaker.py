"""A source that fails again and again."""

from __future__ import annotations

from mailward.accounts.sources.breaker import Breaker
from tests.support.account_sources import Clock


def test_it_opens_tries_and_closes() -> None:
    """Nothing passes for the pause; then one question at a time, until one works."""
    clock = Clock()
    breaker = Breaker(failures=2, pause=10, now=clock)
    breaker.failed()
    assert breaker.passes()
    breaker.failed()

    assert (breaker.open, breaker.passes()) == (True, False)
    clock.seconds += 10
    assert [breaker.passes(), breaker.passes()] == [True, False]
    breaker.failed()
    clock.seconds += 9.9
    assert not breaker.passes()
    clock.seconds += 0.2
    assert breaker.passes()
    breaker.worked()
    assert (breaker.open, breaker.passes()) == (False, True)


def test_failures_between_successes_do_not_count() -> None:
    """Only outages in a row are one."""
    breaker = Breaker(failures=2, pause=10, now=Clock())
    for _ in range(5):
        breaker.failed()
        breaker.worked()

    assert not breaker.open
