"""The figures of the guard."""

from __future__ import annotations

import pytest

from mailward.errors import InputError
from mailward.guard.settings import GuardSettings


def test_the_ladder() -> None:
    """Each failure in a row is answered twice as late as the one before, up to the longest."""
    settings = GuardSettings(delay_first=0.5, delay_growth=2.0, delay_most=8.0)

    assert [settings.delay(failures) for failures in range(8)] == [0, 0.5, 1, 2, 4, 8, 8, 8]
    assert settings.delay(10**9) == 8


def test_no_delay_when_none_is_wanted() -> None:
    """delay_first = 0 turns the delays off, not the bans."""
    assert GuardSettings(delay_first=0.0).delay(100) == 0


@pytest.mark.parametrize("name", ["source_failures", "account_failures", "window", "ban", "tracked_sources"])
def test_a_figure_that_would_lock_everyone_out_is_refused(name: str) -> None:
    """A budget or a window of nothing is an error that names its key."""
    with pytest.raises(InputError, match=f"guard.{name} must be at least 1"):
        GuardSettings(**{name: 0})
