"""What an attempt makes of a ticket, as a table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailward.client.outbox_verdict import concerns_all, judged, needs_a_person
from mailward.client.receipt import Outcome, Receipt, RecipientResult
from mailward.client.schedule import Schedule
from mailward.errors import (
    AuthUnavailable,
    BadCredentials,
    CertificateError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    InvalidMessage,
    MailwardError,
    OutcomeUnknown,
    RouteError,
    TransientReply,
)
from mailward.store.ticket import Ticket, TicketRecipient
from mailward.wire.reply import Reply

NOW = 1000.0
TICKET = Ticket(
    id="1", key="k", created=900.0, sender="", attempts=1, state="sending", owner="me",
    recipients=(TicketRecipient("a@example.test"), TicketRecipient("b@example.test")),
)  # fmt: skip
OK, LATER, NEVER = (Reply(code, (f"{code} text",)) for code in (250, 450, 550))


def receipt(outcome: Outcome, first: Reply | None, second: Reply | None, *, key: str | None = None) -> Receipt:
    taken = outcome in (Outcome.ACCEPTED, Outcome.PARTIAL)
    results = tuple(
        RecipientResult(each.address, taken and reply is not None and reply.positive, reply)
        for each, reply in zip(TICKET.recipients, (first, second), strict=True)
    )
    return Receipt(outcome=outcome, recipients=results, idempotency_key=key)


def after(
    ticket: Ticket = TICKET,
    *,
    gave: Receipt | None = None,
    error: MailwardError | None = None,
    schedule: Schedule | None = None,
) -> Ticket:
    return judged(ticket, receipt=gave, error=error, schedule=schedule or Schedule(jitter=0), now=NOW, chance=0.5)


def states(ticket: Ticket) -> tuple[str, ...]:
    return (ticket.state, *(each.state for each in ticket.recipients))


@pytest.mark.parametrize(
    ("gave", "expected"),
    [
        (receipt(Outcome.ACCEPTED, OK, OK), ("sent", "sent", "sent")),
        (receipt(Outcome.PARTIAL, OK, NEVER), ("failed", "sent", "failed")),
        (receipt(Outcome.PARTIAL, OK, LATER), ("waiting", "sent", "waiting")),
        (receipt(Outcome.REJECTED, LATER, NEVER), ("waiting", "waiting", "failed")),
        (receipt(Outcome.UNKNOWN, OK, OK), ("unknown", "unknown", "unknown")),
        (receipt(Outcome.UNKNOWN, OK, NEVER), ("unknown", "unknown", "failed")),
        (receipt(Outcome.UNKNOWN, OK, LATER), ("waiting", "unknown", "waiting")),
        (receipt(Outcome.UNKNOWN, None, None), ("unknown", "unknown", "unknown")),
    ],
)
def test_each_recipient_by_its_reply(gave: Receipt, expected: tuple[str, ...]) -> None:
    """Accepted is sent, 4yz waits, 5yz fails, and what may have been accepted is unknown."""
    ticket = after(gave=gave)

    assert states(ticket) == expected
    assert (ticket.next_attempt == NOW + 300) is (expected[0] == "waiting")
    assert json.loads(ticket.receipt)["outcome"] == gave.outcome


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ConnectError("no"), "waiting"),
        (CertificateError("no"), "waiting"),
        (BadCredentials("no"), "waiting"),
        (ConnectionLost("gone"), "waiting"),
        (DeadlineExceeded("late"), "waiting"),
        (TransientReply("busy"), "waiting"),
        (RouteError("null MX", retryable=False), "failed"),
        (InvalidMessage("no 8BITMIME"), "failed"),
        (OutcomeUnknown("lost"), "unknown"),
    ],
)
def test_each_error_without_replies(error: MailwardError, state: str) -> None:
    """What the message cannot mend fails; what may be over later waits; what left and was lost is unknown."""
    assert states(after(error=error)) == (state, state, state)


def test_unknown_goes_once_more_where_the_server_takes_it_once() -> None:
    """Only under the same key, and with `once`; given up, it is unknown and not failed."""
    ticket = after(gave=receipt(Outcome.UNKNOWN, OK, OK, key="k"))
    assert (ticket.state, ticket.once) == ("waiting", True)
    again = replace(ticket, state="sending", attempts=2)

    assert states(after(again, gave=receipt(Outcome.ACCEPTED, OK, OK))) == ("sent", "sent", "sent")
    assert states(after(again, error=ConnectError("no"))) == ("waiting", "waiting", "waiting")
    assert after(again, error=ConnectError("no")).once
    assert states(after(again, error=InvalidMessage("X-IDEMPOTENT is not offered"))) == ("unknown",) * 3
    assert states(after(again, gave=receipt(Outcome.REJECTED, NEVER, NEVER))) == ("unknown",) * 3
    tired = Schedule(give_up=1.0)
    assert states(after(replace(again, attempts=9), error=ConnectError("no"), schedule=tired)) == ("unknown",) * 3


def test_in_the_end_it_is_given_up() -> None:
    """After the time of the schedule what waits has failed, and the last error tells why."""
    ticket = after(replace(TICKET, attempts=9), error=ConnectError("nobody there"), schedule=Schedule(give_up=1.0))

    assert (ticket.state, ticket.next_attempt, ticket.ended, ticket.error) == ("failed", None, NOW, "nobody there")


def test_what_was_settled_stays() -> None:
    """A recipient that is sent or failed is not touched by a later attempt."""
    recipients = (TicketRecipient("a@example.test", "sent"), TicketRecipient("b@example.test"))

    assert states(after(replace(TICKET, recipients=recipients), error=InvalidMessage("x"))) == (
        "failed",
        "sent",
        "failed",
    )


def test_whom_an_error_concerns() -> None:
    """No connection, no TLS and no login concern everyone; a refused login wants a person; a route is one domain's."""
    assert all(map(concerns_all, (ConnectError("x"), CertificateError("x"), BadCredentials("x"), AuthUnavailable("x"))))
    assert not any(map(concerns_all, (RouteError("x"), TransientReply("x"), ConnectionLost("x"), None)))
    assert [needs_a_person(error) for error in (BadCredentials("x"), AuthUnavailable("x"), None)] == [
        True,
        False,
        False,
    ]
