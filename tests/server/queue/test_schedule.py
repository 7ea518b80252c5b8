from __future__ import annotations

from mailward.client import schedule
from mailward.server.queue.schedule import Schedule


def test_one_schedule_for_queue_and_outbox() -> None:
    """The queue waits as the client's outbox does (tests/client/test_schedule.py tells how)."""
    assert Schedule is schedule.Schedule
