"""The guard as a whole changes how it judges."""

from __future__ import annotations

from mailward.events.record import Record


class GuardMode(Record, frozen=True, kw_only=True, tag="guard.mode"):
    """`mode`: `spraying`, while passwords are tried on many accounts from sources they do not know. `on`: it begins."""

    mode: str
    on: bool
