"""Who of several connections has which message, and that receipts come in order."""

from __future__ import annotations

from collections import deque
from typing import cast

import pytest

from mailward.client.judgement import Delivery, unusable
from mailward.client.receipt import Outcome, Receipt
from mailward.client.roster import Roster
from mailward.client.streaming import Streaming
from mailward.client.submission import Submission
from mailward.client.window import MOST, OCTETS
from mailward.errors import ConnectError, InputError
from mailward.net.blocking import run_blocking
from mailward.wire.address import Mailbox

BOB = (Mailbox("bob", "x.test"),)


class Line:
    """As a Streaming: takes `room` messages at a time, and after `good` of them has no session."""

    def __init__(self, room: int = 4, good: int = 1000) -> None:
        self.room, self.good = room, good
        self.waiting: list[Submission] = []
        self.done: deque[Delivery] = deque()
        self.released = False

    @property
    def hungry(self) -> bool:
        return len(self.waiting) < self.room

    @property
    def busy(self) -> bool:
        return bool(self.waiting)

    def offer(self, item: Submission) -> None:
        self.waiting.append(item)

    async def connect(self) -> None:
        if not self.good:
            raise ConnectError("nobody there")

    async def step(self) -> None:
        self.good -= 1
        sent = self.waiting.pop(0)
        self.done.append(Delivery(Receipt(outcome=Outcome.ACCEPTED, error=str(sent.content))))

    async def release(self) -> None:
        self.released = True


def work(roster: Roster, line: Line) -> None:
    run_blocking(roster.work(cast("Streaming", line), lambda: None))


def numbered(count: int) -> list[Submission]:
    return [Submission.of(None, BOB, b"%d" % number) for number in range(count)]


def given(roster: Roster) -> list[str]:
    found = []
    while (delivery := roster.next_done()) is not None:
        found.append(delivery.receipt.error)
    return found


def test_one_line_does_all() -> None:
    """In order, and gives its session back at the end."""
    roster, line = Roster(2), Line()
    for submission in numbered(9):
        roster.add(submission)
    work(roster, line)

    assert given(roster) == [str(b"%d" % number) for number in range(9)]
    assert line.released
    assert not roster.waits


def test_what_cannot_be_sent_keeps_its_place() -> None:
    """Its receipt is there at once, and comes in its turn."""
    roster = Roster(1)
    first, second = numbered(2)
    error = InputError("bad")
    for item in (first, Delivery(unusable(error), error), second):
        roster.add(item)
    assert roster.next_done() is None
    work(roster, Line())

    assert given(roster) == ["b'0'", "bad", "b'1'"]


def test_a_line_without_a_session_hands_back_what_it_took() -> None:
    """Another does the rest, and nothing is done twice or left out."""
    roster = Roster(2)
    for submission in numbered(9):
        roster.add(submission)
    with pytest.raises(ConnectError):
        work(roster, Line(good=3))
    assert roster.has_work
    work(roster, Line())

    assert given(roster) == [str(b"%d" % number) for number in range(9)]


@pytest.mark.parametrize(("proven", "lost", "failed"), [(False, 1, True), (True, 1, False), (True, 2, True)])
def test_when_there_is_no_more_hope(proven: bool, lost: int, failed: bool) -> None:
    """Without any connection at once; with one that worked, when all are gone."""
    roster, error = Roster(2), ConnectError("nobody there")
    roster.proven = proven
    for _ in range(lost):
        roster.lost_one(error)

    assert (roster.failure is error) is failed


def test_a_crash_ends_it() -> None:
    """What a connection had when something of ours broke is nobody's; that is said, not waited for."""
    roster = Roster(3)
    roster.crashed()

    assert isinstance(roster.failure, RuntimeError)


def test_no_more_is_taken_than_fits() -> None:
    """A window for each connection, in messages and in octets; a single message always."""
    roster = Roster(2)
    for submission in numbered(2 * MOST):
        assert roster.has_room
        roster.add(submission)
    assert not roster.has_room

    roster = Roster(1)
    assert roster.has_room
    roster.add(Submission.of(None, BOB, b"x" * OCTETS))
    assert not roster.has_room


def test_stopped_means_that_nothing_is_begun() -> None:
    """What waits stays."""
    roster, line = Roster(1), Line()
    roster.add(numbered(1)[0])
    roster.stopped = True
    work(roster, line)

    assert roster.has_work
    assert line.released
