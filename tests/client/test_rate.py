"""The token bucket: how long each message waits, and how it gives way."""

from __future__ import annotations

import pytest

from mailward.client.limits import Rate
from mailward.client.rate import Pace, pleads


def waits(pace: Pace, count: int, now: float) -> list[float]:
    return [round(pace.take(now), 6) for _ in range(count)]


def test_a_burst_and_then_the_rate() -> None:
    """Two a second: two at once, then half a second each."""
    assert waits(Pace(Rate(2)), 5, 100.0) == [0, 0, 0.5, 1.0, 1.5]


def test_a_slow_rate_has_no_burst() -> None:
    """Thirty in a minute is one each two seconds from the start."""
    assert waits(Pace(Rate(30, 60)), 3, 0.0) == [0, 2, 4]


def test_a_pause_saves_up_no_more_than_the_burst() -> None:
    """After an hour of silence no more leaves at once than in the beginning."""
    pace = Pace(Rate(2))
    waits(pace, 2, 0.0)

    assert waits(pace, 4, 3600.0) == [0, 0, 0.5, 1.0]


def test_it_halves_and_recovers() -> None:
    """A plea halves the pace, down to a 64th; each success gives a fiftieth of the rate back, up to the whole."""
    pace = Pace(Rate(100))
    pace.heed(421, None)
    assert pace.factor == 0.5
    for _ in range(20):
        pace.heed(451, "4.7.1")
    assert pace.factor == 1 / 64
    for _ in range(60):
        pace.heed(250, None)
    assert pace.factor == 1.0
    pace.heed(None, None)
    pace.heed(550, "5.1.1")
    assert pace.factor == 1.0


def test_half_the_pace_is_twice_the_wait() -> None:
    """What was promised before the plea stays."""
    pace = Pace(Rate(1))
    pace.take(0.0)
    pace.heed(450, None)

    assert waits(pace, 2, 0.0) == [1.0, 3.0]


@pytest.mark.parametrize(
    ("code", "enhanced", "answer"),
    [
        (421, None, True),
        (450, "4.2.0", True),
        (454, None, True),
        (432, "4.7.28", True),
        (432, "4.1.8", False),
        (550, "5.7.1", False),
        (250, None, False),
    ],
)
def test_what_pleads(code: int, enhanced: str | None, answer: bool) -> None:
    """421, 450, 451, 452, 454 and every 4.7.x."""
    assert pleads(code, enhanced) is answer
