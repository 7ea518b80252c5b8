from __future__ import annotations

import pytest

from mailward.store.ticket import FAILED, SENT, UNKNOWN, WAITING, Ticket, TicketRecipient, state_of


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ((SENT, SENT), SENT),
        ((SENT, FAILED), FAILED),
        ((SENT, FAILED, UNKNOWN), UNKNOWN),
        ((SENT, FAILED, UNKNOWN, WAITING), WAITING),
    ],
)
def test_the_state_of_the_whole(states: tuple[str, ...], whole: str) -> None:
    """Waiting as long as anybody waits; then what needs a decision; sent only if it was for everybody."""
    assert state_of(tuple(TicketRecipient(f"{state}@example.test", state) for state in states)) == whole


def test_who_is_still_to_be_tried() -> None:
    """Those that wait, in their order; content and receipt are not in the repr."""
    recipients = tuple(TicketRecipient(f"{state}@example.test", state) for state in (WAITING, SENT, FAILED))
    ticket = Ticket(id="1", key=None, created=0, sender="", recipients=recipients, receipt='{"a": 1}')

    assert ticket.waiting == ("waiting@example.test",)
    assert "receipt" not in repr(ticket)
