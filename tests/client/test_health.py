from __future__ import annotations

from mailward.client.health import Health


def test_all_are_well_in_the_beginning() -> None:
    """In their order, or round from the one whose turn it is."""
    health = Health(3)

    assert health.order(0.0) == [0, 1, 2]
    assert health.order(0.0, first=2) == [2, 0, 1]


def test_who_failed_is_asked_last() -> None:
    """As long as it rests; nothing is left untried."""
    health = Health(3, pause=30)
    health.failed(0, 100.0)

    assert health.order(101.0) == [1, 2, 0]
    health.failed(1, 101.0)
    assert health.order(102.0) == [2, 0, 1]
    health.failed(2, 102.0)
    assert health.order(103.0) == [0, 1, 2], "all rest: who rests the shortest first"


def test_half_open() -> None:
    """After its rest one message finds out; meanwhile the others are not sent there."""
    health = Health(2, pause=30)
    health.failed(0, 100.0)

    assert health.order(130.0) == [0, 1]
    assert health.order(131.0) == [1, 0]
    health.succeeded(0)
    assert health.order(132.0) == [0, 1]


def test_it_rests_longer_each_time() -> None:
    """Twice as long, up to a limit."""
    health = Health(2, pause=30, longest=100)
    rests = []
    for _ in range(5):
        health.failed(0, 0.0)
        rests.append(health.members[0].rests_until)

    assert rests == [30, 60, 100, 100, 100]


def test_some_failures_may_be_forgiven() -> None:
    """With failures=2 it is well until the second in a row."""
    health = Health(2, failures=2)
    health.failed(0, 0.0)
    health.succeeded(0)
    health.failed(0, 0.0)

    assert health.order(1.0) == [0, 1]
    health.failed(0, 1.0)
    assert health.order(2.0) == [1, 0]
