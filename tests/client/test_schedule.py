"""When to try again, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.schedule import Schedule

EVEN = Schedule(first=300, longest=14_400, give_up=432_000, jitter=0.0)


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 4800), (6, 9600), (7, 14_400), (8, 14_400), (10_000, 14_400)],
)
def test_waits_double(attempts: int, wait: float) -> None:
    """Each wait is twice the one before, up to the longest."""
    assert EVEN.next_attempt(attempts=attempts, received=0, now=1000, chance=0.5) == 1000 + wait


@pytest.mark.parametrize(
    ("now", "due"), [(431_000, 432_000), (431_999.5, 432_000.5), (432_000, None), (10_000_000, None)]
)
def test_gives_up(now: float, due: float | None) -> None:
    """The last attempt is made when the time is over, and after it there is no other."""
    assert EVEN.next_attempt(attempts=9, received=0, now=now, chance=0.5) == due


@pytest.mark.parametrize(("attempts", "wait"), [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, None)])
@pytest.mark.parametrize("now", [432_000, 365 * 86_400])
def test_age_alone_gives_nothing_up(now: float, attempts: int, wait: float | None) -> None:
    """A clock that jumped a year ahead costs no message its first five attempts, nor the time between them."""
    due = EVEN.next_attempt(attempts=attempts, received=0, now=now, chance=0.5)

    assert due == (None if wait is None else now + wait)


def test_clock_set_back() -> None:
    """A message from the future is not given up, and waits no longer than others."""
    assert EVEN.next_attempt(attempts=1, received=5000, now=1000, chance=0.5) == 1300


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 240), (0.5, 300), (1.0, 360)])
def test_chance_moves_a_fifth(chance: float, wait: float) -> None:
    """Chance makes a wait up to a fifth shorter or longer."""
    assert Schedule().next_attempt(attempts=1, received=0, now=0, chance=chance) == pytest.approx(wait)


@given(
    attempts=st.integers(1, 1000),
    age=st.floats(0, 10_000_000),
    chance=st.floats(0, 1),
    first=st.floats(0.001, 100_000),
    longest=st.floats(0.001, 100_000),
)
def test_always_later_and_never_much(attempts: int, age: float, chance: float, first: float, longest: float) -> None:
    """Whatever the figures: an attempt is after now, within the longest wait and its fifth, or there is none."""
    schedule = Schedule(first=first, longest=longest)
    due = schedule.next_attempt(attempts=attempts, received=0, now=age, chance=chance)

    if age >= schedule.give_up and attempts >= 5:
        assert due is None
    else:
        assert due is not None
        assert age < due <= max(age + 1.2 * longest + 0.001, age + 1)
