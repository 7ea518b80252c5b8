"""The keys every event has."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """`time`: UTC. `source`: the peer's IP address in canonical text. `account`: the canonical account name, or the
    name that was tried. `listener`: its configured address. `session`: the connection's id.
    """

    time: datetime
    source: str | None = None
    account: str | None = None
    mechanism: str | None = None
    reason: str | None = None
    listener: str | None = None
    session: str | None = None
