"""Settings of the guard as they are typed."""

from __future__ import annotations

import pytest

from mailward.cli.guard_settings import changed, settings_of
from mailward.errors import InputError
from mailward.server.config_sections import GuardConfig


def test_changes() -> None:
    """Numbers and pairs of numbers; the rest stays as it is."""
    given = GuardConfig(ban=900.0)
    found = settings_of(changed(given, ["source_failures=3", "guard.ring_factors = 2, 6", "window=7200"]))
    as_in_the_file = changed(given, ["ring_factors=[2, 6]"])

    assert (found.source_failures, found.ring_factors, found.window, found.ban) == (3, (2, 6), 7200.0, 900.0)
    assert as_in_the_file.ring_factors == (2, 6)
    assert settings_of(given).source_failures == 5


@pytest.mark.parametrize(
    "change, told",
    [
        ("source_failure=3", "did you mean source_failures"),
        ("nonsense=3", "there are distinct_wrong_passwords_per_account"),
        ("source_failures", "sets nothing"),
        ("source_failures=0", ">= 1"),
        ("source_failures=many", "guard.source_failures: Expected `int`"),
        ("ring_factors=3", "guard.ring_factors: Expected `array` of length 2"),
        ("distinct_wrong_passwords_per_account=1000", "<= 32"),
        ("\x1b[31m=3", r"\x1b"),
    ],
)
def test_what_is_no_setting(change: str, told: str) -> None:
    """The error names it, or the nearest one, and the bound."""
    with pytest.raises(InputError) as caught:
        changed(GuardConfig(), [change])

    assert told in f"{caught.value.message} {caught.value.advice}"
    assert "\x1b" not in caught.value.message
