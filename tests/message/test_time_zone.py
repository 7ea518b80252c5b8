"""VTIMEZONE, read back by rules of this test's own."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from mailward.message.time_zone import time_zone_lines

ZONES = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "Asia/Jerusalem",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def onsets(lines: list[str], year: int) -> list[tuple[datetime, timedelta]]:
    """When each observance begins in that year or before, in UTC, and the offset from then on."""
    found = []
    for block in re.findall(r"BEGIN:(?:STANDARD|DAYLIGHT)\n(.*?)END:", "\n".join(lines), re.DOTALL):
        said = dict(line.split(":", 1) for line in block.splitlines())
        start = datetime.strptime(said["DTSTART"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        before, after = offset(said["TZOFFSETFROM"]), offset(said["TZOFFSETTO"])
        starts = [start]
        if rule := said.get("RRULE"):
            starts = [nth(rule, start, later) for later in range(start.year, year + 1)]
        found += [(each - before, after) for each in starts]
    return sorted(found)


def offset(text: str) -> timedelta:
    sign = -1 if text[0] == "-" else 1
    return sign * timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))


def nth(rule: str, start: datetime, year: int) -> datetime:
    said = dict(part.split("=") for part in rule.split(";"))
    assert said["FREQ"] == "YEARLY"
    month, number, day = int(said["BYMONTH"]), int(said["BYDAY"][:-2]), DAYS.index(said["BYDAY"][-2:])
    days = [each for each in range(1, monthrange(year, month)[1] + 1) if datetime(year, month, each).weekday() == day]  # noqa: DTZ001
    return start.replace(year=year, month=month, day=days[number if number < 0 else number - 1])


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("moment", [datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)])
def test_a_reader_of_the_rules_alone_has_the_right_offset(name: str, moment: datetime) -> None:
    """At the meeting and half a year after it, for a program that does not know the zone's name."""
    zone = ZoneInfo(name)
    lines = time_zone_lines(name, zone, moment)

    assert lines[:2] == ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    for at in (moment, moment + timedelta(days=170)):
        begun = [after for start, after in onsets(lines, at.year) if start <= at]
        assert begun[-1] == at.astimezone(zone).utcoffset()


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Europe/Dublin"])
def test_outlook_gets_one_rule_of_each_kind(name: str) -> None:
    """It reads no more than that."""
    lines = time_zone_lines(name, ZoneInfo(name), datetime(2026, 1, 15, tzinfo=UTC))

    assert [line for line in lines if line.startswith("BEGIN")] == [
        "BEGIN:VTIMEZONE",
        "BEGIN:STANDARD",
        "BEGIN:DAYLIGHT",
    ]
    assert len([line for line in lines if line.startswith("RRULE:FREQ=YEARLY;")]) == 2


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=-3, minutes=-30)), ZoneInfo("Asia/Tokyo")])
def test_a_zone_without_changes(zone: tzinfo) -> None:
    """Has one observance, without end."""
    lines = time_zone_lines("X", zone, datetime(2026, 1, 15, tzinfo=UTC))

    assert lines.count("BEGIN:STANDARD") == 1
    assert "BEGIN:DAYLIGHT" not in lines
