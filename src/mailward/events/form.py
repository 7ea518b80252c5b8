"""The one JSON form: an object a line, `type` first, time as RFC 3339 in UTC."""

from __future__ import annotations

import msgspec

from mailward.events.account import PasswordExpiring, PasswordRetired
from mailward.events.ban import BanAdded, BanRemoved
from mailward.events.client import DowngradeRefused
from mailward.events.guard import GuardMode
from mailward.events.login import LoginFailed, LoginRefused, LoginSucceeded
from mailward.events.message import MessageAccepted, MessageBounced, MessageDeferred, MessageDelivered

Event = (
    LoginSucceeded
    | LoginFailed
    | LoginRefused
    | BanAdded
    | BanRemoved
    | GuardMode
    | PasswordExpiring
    | PasswordRetired
    | MessageAccepted
    | MessageDelivered
    | MessageDeferred
    | MessageBounced
    | DowngradeRefused
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """One JSON object without the newline; control characters are escaped by JSON itself."""
    return _encoder.encode(event)


def decode(line: bytes) -> Event:
    """The event of one line. Raises `msgspec.DecodeError` or `msgspec.ValidationError` on anything else."""
    event: Event = _decoder.decode(line)
    return event
