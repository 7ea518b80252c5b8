"""The rules of a time zone as a calendar tells them, for the years around one moment (RFC 5545 §3.6.5)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_STEP = timedelta(days=7)  # no zone changes and changes back within a week
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FORM = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class _Change:
    """The clocks go from one offset to another at `local`, as the old one tells the time."""

    local: datetime
    before: timedelta
    after: timedelta
    name: str

    @property
    def kind(self) -> str:
        return "DAYLIGHT" if self.after > self.before else "STANDARD"

    def rules(self) -> set[str]:
        """Every way to say which day of the year that is."""
        number = (self.local.day - 1) // 7 + 1
        last = self.local.day + 7 > monthrange(self.local.year, self.local.month)[1]
        day = _DAYS[self.local.weekday()]
        said = {f"{number}{day}"} | ({f"-1{day}"} if last else set())
        return {f"FREQ=YEARLY;BYMONTH={self.local.month};BYDAY={each}" for each in said}


def time_zone_lines(name: str, zone: tzinfo, moment: datetime) -> list[str]:
    """A VTIMEZONE called `name`: two yearly rules where the zone has them, which Outlook needs, else each change."""
    changes = list(_changes(zone, moment.year - 1, moment.year + 3))
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    if not changes:
        offset = moment.astimezone(zone).utcoffset() or timedelta()
        short = moment.astimezone(zone).tzname() or name
        lines += _observance(_Change(datetime(1970, 1, 1), offset, offset, short), "")  # noqa: DTZ001  # wall clock
    elif rules := _yearly(changes):
        for change, rule in rules:
            lines += _observance(change, rule)
    else:
        for change in changes:
            lines += _observance(change, "")
    return [*lines, "END:VTIMEZONE"]


def _observance(change: _Change, rule: str) -> list[str]:
    return [
        f"BEGIN:{change.kind}",
        f"DTSTART:{change.local.strftime(_FORM)}",
        *([f"RRULE:{rule}"] if rule else []),
        f"TZOFFSETFROM:{_offset(change.before)}",
        f"TZOFFSETTO:{_offset(change.after)}",
        f"TZNAME:{change.name}",
        f"END:{change.kind}",
    ]


def _offset(offset: timedelta) -> str:
    minutes, seconds = divmod(abs(int(offset.total_seconds())), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{seconds:02}" if seconds else "")


def _yearly(changes: list[_Change]) -> list[tuple[_Change, str]]:
    """The first change of each kind with the rule that all of that kind keep; nothing if they keep none."""
    found = []
    for kind in ("STANDARD", "DAYLIGHT"):
        same = [change for change in changes if change.kind == kind]
        shared = set.intersection(*(change.rules() for change in same)) if len(same) == 5 else set()
        if len({(change.local.time(), change.before, change.after) for change in same}) != 1 or not shared:
            return []
        found.append((same[0], min(shared)))  # "-1SU" comes before "4SU"
    return found


def _changes(zone: tzinfo, first: int, last: int) -> Iterator[_Change]:
    """Every change from the beginning of one year to the end of another."""
    moment, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        later = moment + _STEP
        if _at(zone, moment) != _at(zone, later):
            yield _found(zone, moment, later)
        moment = later


def _found(zone: tzinfo, early: datetime, late: datetime) -> _Change:
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if _at(zone, middle) == _at(zone, early):
            early = middle
        else:
            late = middle
    before, after = _at(zone, early), _at(zone, late)
    return _Change(late.replace(tzinfo=None) + before, before, after, late.astimezone(zone).tzname() or "")


def _at(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
