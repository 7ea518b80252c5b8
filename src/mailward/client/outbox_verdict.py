"""What one attempt makes of a ticket of an outbox: pure, so that a table tests it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from mailward.client.receipt import Outcome
from mailward.errors import AuthError, ConnectError, InputError, OutcomeUnknown, RouteError, TlsError
from mailward.printable import printable
from mailward.store.ticket import FAILED, SENT, UNKNOWN, WAITING, Ticket, TicketRecipient, state_of

if TYPE_CHECKING:
    from mailward.client.receipt import Receipt, RecipientResult
    from mailward.client.schedule import Schedule
    from mailward.errors import MailwardError

_LONGEST = 500


def judged(
    ticket: Ticket,
    *,
    receipt: Receipt | None,
    error: MailwardError | None,
    schedule: Schedule,
    now: float,
    chance: float,
    one_server: bool = True,
) -> Ticket:
    """The ticket after an attempt that gave `receipt`, or raised `error`, which may carry one.

    What is unknown stays so, unless the server takes a message once under its key: then it goes once more, if it would
    go to the same one.
    """
    outcome = _outcome(receipt, error)
    keeps_key = one_server and receipt is not None and receipt.idempotency_key is not None
    once = ticket.once or (outcome is Outcome.UNKNOWN and keeps_key)
    doubtful = WAITING if once and outcome is Outcome.UNKNOWN else UNKNOWN
    results = {result.address: result for result in receipt.recipients} if receipt is not None else {}
    recipients = tuple(
        _recipient(each, results.get(each.address), outcome, error, doubtful) if each.state == WAITING else each
        for each in ticket.recipients
    )
    if ticket.once:  # a refusal now says nothing about whether it was accepted then
        recipients = tuple(_doubted(new, old) for new, old in zip(recipients, ticket.recipients, strict=True))
    next_attempt = schedule.next_attempt(attempts=ticket.attempts, received=ticket.created, now=now, chance=chance)
    if next_attempt is None:
        given_up = UNKNOWN if once else FAILED
        recipients = tuple(replace(each, state=given_up) if each.state == WAITING else each for each in recipients)
    state = state_of(recipients)
    return replace(
        ticket,
        recipients=recipients,
        state=state,
        once=once and state == WAITING,
        next_attempt=next_attempt if state == WAITING else None,
        ended=None if state == WAITING else now,
        error=printable(error.message if error is not None else receipt.error if receipt is not None else "", _LONGEST),
        receipt=json.dumps(receipt.as_dict()) if receipt is not None else ticket.receipt,
    )


def concerns_all(error: MailwardError | None) -> bool:
    """Whether every other message would fare the same now: no connection, no TLS, no login."""
    return isinstance(error, ConnectError | TlsError | AuthError) and not isinstance(error, RouteError)


def needs_a_person(error: MailwardError | None) -> bool:
    """Whether waiting mends nothing: the login was refused."""
    return isinstance(error, AuthError) and not error.retryable


def _outcome(receipt: Receipt | None, error: MailwardError | None) -> Outcome:
    if receipt is not None:
        return receipt.outcome
    return Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.NOT_SENT


def _recipient(
    recipient: TicketRecipient,
    result: RecipientResult | None,
    outcome: Outcome,
    error: MailwardError | None,
    doubtful: str,
) -> TicketRecipient:
    reply = None if result is None else result.reply
    told = "" if reply is None else printable(str(reply), _LONGEST)
    if result is not None and result.accepted:
        return replace(recipient, state=SENT, reply=told)
    if reply is not None and not reply.positive and not reply.intermediate:
        return replace(recipient, state=WAITING if reply.transient else FAILED, reply=told)
    if outcome is Outcome.UNKNOWN:
        return replace(recipient, state=doubtful, reply=told)
    return replace(recipient, state=FAILED if _is_final(error) else WAITING, reply=told)


def _is_final(error: MailwardError | None) -> bool:
    """Of errors that tell of no reply to the address: whether trying again is of no use."""
    if error is None or concerns_all(error):
        return False
    return isinstance(error, InputError) or not error.retryable


def _doubted(new: TicketRecipient, old: TicketRecipient) -> TicketRecipient:
    return replace(new, state=UNKNOWN) if (old.state, new.state) == (WAITING, FAILED) else new
