"""The figures of the guard."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    "name", ["source_failures", "distinct_wrong_passwords_per_account", "window", "ban", "tracked_sources"]
)
def test_a_figure_that_would_lock_everyone_out_is_refused(name: str) -> None:
    """A budget or a window of nothing is an error that names its key."""
    figures: dict[str, Any] = {name: 0}
    with pytest.raises(InputError, match=f"guard.{name} must be at least 1"):
        GuardSettings(**figures)


def test_a_repeated_wrong_password_waits_longer() -> None:
    """Two seconds, then up to fifteen; not at all when delays are off."""
    settings = GuardSettings()

    assert [settings.delay_repeated(repeats) for repeats in range(6)] == [0, 2, 4, 8, 15, 15]
    assert GuardSettings(delay_most=0.0).delay_repeated(3) == 0


def test_a_ban_is_never_shorter_than_asked() -> None:
    """Twice as long each time, at most a day; chance only adds."""
    settings = GuardSettings()

    assert [settings.ban_for(times, 0.0) / 60 for times in (1, 2, 3, 6, 7, 255)] == [30, 60, 120, 960, 1440, 1440]
    assert settings.ban_for(1, 0.5) == 1890
    assert settings.ban_for(255, 1.0) <= settings.longest_ban
