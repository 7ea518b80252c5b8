"""Who knocks, at which door, and over what."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailward.guard.source import Source
from mailward.sasl.mechanism import ChannelBinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """listener, session: as events have them. service: what the login is for, the scope a credential must have.

    tls: version and cipher, None in clear text. bindings: the channel bindings of this channel. certificate: the one
    the client proved to hold, DER.
    """

    source: Source
    listener: str
    session: str
    service: str = "smtp"
    tls: str | None = None
    bindings: tuple[ChannelBinding, ...] = ()
    certificate: bytes | None = field(default=None, repr=False)
