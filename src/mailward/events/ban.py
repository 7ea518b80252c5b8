"""A source or an account is refused for a time, or no longer."""

from __future__ import annotations

from mailward.events.record import Record


class BanAdded(Record, frozen=True, kw_only=True, tag="ban.added"):
    """`subject`: `ip:192.0.2.7`, `ip:2001:db8::/64` or `account:ann@example.test`. `until`: Unix seconds."""

    subject: str
    until: float


class BanRemoved(Record, frozen=True, kw_only=True, tag="ban.removed"):
    """`reason`: `expired`, or `operator` when someone lifted it."""

    subject: str
