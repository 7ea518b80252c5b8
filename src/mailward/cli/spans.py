"""Spans and moments as a person types them: 30m, 2h, 7d; 2026-05-01T12:00Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(text: str) -> int | None:
    """A span; None: it is none."""
    span = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    return int(span[1]) * _UNITS[span[2]] if span else None


def moment_of(text: str) -> datetime | None:
    """A moment, in UTC where it names no zone; None: it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
