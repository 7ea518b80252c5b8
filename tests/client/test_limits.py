"""What a client may be told of connections, messages and rates."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.client.limits import Limits, Rate
from mailward.errors import InputError


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("30/min", Rate(30, 60)),
        ("5/s", Rate(5)),
        ("0.5 / sec", Rate(0.5)),
        ("1000/hour", Rate(1000, 3600)),
        ("20000/day", Rate(20_000, 86_400)),
        (Rate(7, 2), Rate(7, 2)),
    ],
)
def test_a_rate_can_be_read(text: str | Rate, rate: Rate) -> None:
    """A number, a stroke and a time."""
    assert Rate.of(text) == rate


@pytest.mark.parametrize("text", ["", "30", "30/fortnight", "-1/s", "1e3/s", "30/min/s", "0/s", 30, None])
def test_what_is_no_rate(text: Any) -> None:
    """The error says how one is written."""
    with pytest.raises(InputError, match="rate"):
        Rate.of(text)


@pytest.mark.parametrize(
    "options",
    [
        {"connections": 0},
        {"connections": True},
        {"connections": 1.5},
        {"messages_per_connection": 0},
        {"min_idle": 2},
        {"min_idle": -1},
        {"idle": 0},
        {"idle": float("inf")},
        {"rate": "fast"},
    ],
)
def test_limits_that_make_no_sense(options: dict[str, Any]) -> None:
    """They are refused where they are written."""
    with pytest.raises(InputError, match=r"limits"):
        Limits(**options)


def test_the_defaults() -> None:
    """One connection, as long as it is good for, and no rate."""
    limits = Limits()

    assert (limits.connections, limits.messages_per_connection, limits.rate, limits.idle) == (1, None, None, 60.0)
