from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.date_time import date_time

_offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "zone, text",
    [
        (UTC, "Mon, 24 Nov 2025 03:04:05 +0000"),
        (timezone(timedelta(hours=5, minutes=30)), "Mon, 24 Nov 2025 03:04:05 +0530"),
        (timezone(-timedelta(hours=3, minutes=30)), "Mon, 24 Nov 2025 03:04:05 -0330"),
        (timezone(timedelta(minutes=53, seconds=28)), "Mon, 24 Nov 2025 02:10:37 +0000"),
    ],
)
def test_dates_are_written(zone: timezone, text: str) -> None:
    """RFC 5322 §3.3; an offset of odd seconds has no form there, so UTC is told."""
    assert date_time(datetime(2025, 11, 24, 3, 4, 5, tzinfo=zone)) == text


def test_a_date_must_know_its_zone() -> None:
    """Local time of nobody is refused."""
    with pytest.raises(InvalidMessage, match="aware"):
        date_time(datetime(2025, 11, 24))  # noqa: DTZ001  # that is the point


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9999, 12, 30), timezones=_offsets))  # noqa: DTZ001
def test_dates_survive(date: datetime) -> None:
    """What is written reads back to the second, in the locale of C."""
    assert datetime.strptime(date_time(date), "%a, %d %b %Y %H:%M:%S %z") == date.replace(microsecond=0)


def test_the_same_moment_in_two_zones_is_written_twice() -> None:
    """What is remembered of one offset is not told of another."""
    moment = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

    assert date_time(moment) == "Fri, 01 May 2026 12:00:00 +0000"
    assert date_time(moment.astimezone(timezone(timedelta(hours=2)))) == "Fri, 01 May 2026 14:00:00 +0200"
