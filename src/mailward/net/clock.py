"""Time and chance, the same for both drivers."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


class Clock:
    """The part of `Ports` that needs no driver."""

    now = staticmethod(time.monotonic)

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def nonce(self) -> str:
        return secrets.token_urlsafe(24)
