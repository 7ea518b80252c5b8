"""What became of a message."""

from __future__ import annotations

from mailward.events.record import Record


class MessageEvent(Record, frozen=True, kw_only=True):
    """`message`: its queue id. `size`: octets of content as stored."""

    message: str
    envelope_from: str = ""
    envelope_to: tuple[str, ...] = ()
    size: int = 0


class MessageAccepted(MessageEvent, frozen=True, kw_only=True, tag="message.accepted"):
    """It is on disk and the 250 is on its way."""


class MessageDelivered(MessageEvent, frozen=True, kw_only=True, tag="message.delivered"):
    """The next server took it for `envelope_to`; `reply` is what it said, escaped."""

    reply: str = ""


class MessageDeferred(MessageEvent, frozen=True, kw_only=True, tag="message.deferred"):
    """Not now. `attempt`: how many were made. `next_attempt`: Unix seconds."""

    reply: str = ""
    attempt: int = 0
    next_attempt: float = 0.0


class MessageBounced(MessageEvent, frozen=True, kw_only=True, tag="message.bounced"):
    """Given up for `envelope_to`."""

    reply: str = ""
