"""Spans and moments as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailward.cli.spans import moment_of, seconds_of


@pytest.mark.parametrize("seconds, text", [(45, "45s"), (1800, "30m"), (7200, "2h"), (604_800, "7d")])
def test_spans(seconds: int, text: str) -> None:
    """A number and one letter."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "2w", "٢h", "1.5h", "1234567h", "2h\n"])
def test_what_is_no_span(text: str) -> None:
    """Anything else is none."""
    assert seconds_of(text) is None


def test_moments() -> None:
    """A time without a zone is UTC."""
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)

    assert moment_of("2026-05-01T12:00") == moment_of("2026-05-01T14:00+02:00") == noon
    assert moment_of("2026-05-01T12:00Z") == noon
    assert moment_of("tomorrow") is None
