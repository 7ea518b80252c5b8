"""When to try again: the schedule of the client's outbox is the queue's too (RFC 5321 §4.5.4.1)."""

from __future__ import annotations

from mailward.client.schedule import Schedule

__all__ = ["Schedule"]
