"""Failures leave at even steps."""

from __future__ import annotations

import pytest

from mailward.accounts.sources.pace import Pace
from tests.support.account_sources import Clock


@pytest.mark.parametrize(("took", "left"), [(0.0, 0.25), (0.02, 0.23), (0.2, 0.05), (0.3, 0.2), (-5.0, 0.25)])
def test_the_next_whole_step(took: float, left: float) -> None:
    """Quick and slow failures end at the same moments; a clock that went back waits no longer than a step."""
    clock = Clock()
    pace = Pace(clock)
    started = pace.start()
    clock.seconds += took

    assert pace.left(started) == pytest.approx(left)
