"""What happened, told once: the frozen event types and their one JSON form.

Every product writes or reads these; nobody parses log text. Each event has the keys
`type time source account mechanism reason listener session` (null where it does not apply); some have more.
"""

from __future__ import annotations

from mailward.events.account import PasswordExpiring, PasswordRetired
from mailward.events.ban import BanAdded, BanRemoved
from mailward.events.client import DowngradeRefused
from mailward.events.form import Event, decode, encode
from mailward.events.guard import GuardMode
from mailward.events.login import LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.events.message import MessageAccepted, MessageBounced, MessageDeferred, MessageDelivered

__all__ = [
    "BanAdded",
    "BanRemoved",
    "DowngradeRefused",
    "Event",
    "GuardMode",
    "LoginFailed",
    "LoginRefused",
    "LoginSucceeded",
    "MessageAccepted",
    "MessageBounced",
    "MessageDeferred",
    "MessageDelivered",
    "PasswordExpiring",
    "PasswordRetired",
    "Reason",
    "decode",
    "encode",
]
