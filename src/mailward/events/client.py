"""A client of ours refused to go on with a server."""

from __future__ import annotations

from mailward.events.record import Record


class DowngradeRefused(Record, frozen=True, kw_only=True, tag="client.downgrade-refused"):
    """A server does less than it is known to. `reason`: `tls`, `requiretls` or `mechanism`. `account`: who logs in.

    was, now: by the name of what differs (`TLS`, `mode`, `REQUIRETLS`, `mechanism`, `channel binding`, and `key`, which
    may have changed for a good reason), in words.
    """

    host: str
    port: int
    was: dict[str, str]
    now: dict[str, str]
