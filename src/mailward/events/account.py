"""What happens to an account's credentials."""

from __future__ import annotations

from mailward.events.record import Record


class PasswordExpiring(Record, frozen=True, kw_only=True, tag="account.password-expiring"):
    """Told once for each stage. `until`: Unix seconds, the last moment it is taken, grace included. `days`: left."""

    until: float
    days: int


class PasswordRetired(Record, frozen=True, kw_only=True, tag="account.password-retired"):
    """The older of two overlapping passwords is no longer taken. `reason`: `silent` or `overlap-over`."""
