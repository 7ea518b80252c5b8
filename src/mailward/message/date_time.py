"""Date and time as a header writes it (RFC 5322 §3.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mailward.errors import InvalidMessage

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_time(date: datetime) -> str:
    """`Mon, 24 Nov 2025 13:44:00 +0100`. `date` must know its offset; one of odd seconds is told in UTC."""
    offset = date.utcoffset()
    if offset is None:
        raise InvalidMessage("the date has no time zone; give an aware datetime")
    return _written(date.replace(microsecond=0), offset)


@lru_cache(maxsize=16)  # a busy server writes the same second a thousand times
def _written(date: datetime, offset: timedelta) -> str:
    if offset % timedelta(minutes=1):
        date, offset = date.astimezone(UTC), timedelta()
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    day = f"{_DAYS[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year:04}"
    return f"{day} {date.hour:02}:{date.minute:02}:{date.second:02} {sign}{hours:02}{minutes:02}"
