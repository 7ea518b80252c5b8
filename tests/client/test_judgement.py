"""What replies mean for one message, without a server: the table of outcomes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from mailward.client.judgement import Delivery, Judgement, not_sent, unusable
from mailward.client.offers import Offers
from mailward.client.receipt import Outcome
from mailward.client.session import Session
from mailward.client.submission import Submission
from mailward.errors import (
    ConnectionLost,
    InputError,
    OutcomeUnknown,
    PermanentReply,
    RecipientsRefused,
    TransientReply,
)
from mailward.wire.address import Mailbox
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply

TWO = Submission.of(None, (Mailbox("ann", "x.test"), Mailbox("bob", "x.test")), b"\r\nhello\r\n")
OK, NO, LATER, GONE = Reply(250, "OK"), Reply(550, "no"), Reply(451, "later"), Reply(421, "closing")


def judgement(*replies: Reply) -> Judgement:
    conversation = SimpleNamespace(observer=None)
    session = SimpleNamespace(
        tls=None, auth=None, host="x", offers=Offers.of(Keywords.none()), conversation=conversation
    )
    made = Judgement(cast("Session", session), TWO)
    made.replies.extend(replies)
    return made


@pytest.mark.parametrize(
    ("envelope", "verdict", "outcome", "accepted", "error"),
    [
        ([OK, OK, OK], OK, Outcome.ACCEPTED, [True, True], None),
        ([OK, OK, NO], OK, Outcome.PARTIAL, [True, False], None),
        ([OK, OK, OK], NO, Outcome.REJECTED, [False, False], PermanentReply),
        ([OK, OK, OK], LATER, Outcome.REJECTED, [False, False], TransientReply),
        ([OK, OK, OK], GONE, Outcome.REJECTED, [False, False], TransientReply),
        ([OK, NO, LATER], NO, Outcome.REJECTED, [False, False], RecipientsRefused),
        ([NO, NO, NO], NO, Outcome.REJECTED, [False, False], PermanentReply),
        ([NO, OK, OK], OK, Outcome.REJECTED, [False, False], PermanentReply),
    ],
)
def test_a_verdict(
    envelope: list[Reply], verdict: Reply, outcome: Outcome, accepted: list[bool], error: type[Exception] | None
) -> None:
    """Of the content, after an envelope that was said with it; what cannot be accepted is not, whatever is said."""
    delivery = judgement(*envelope).verdict(verdict)

    assert delivery.receipt.outcome is outcome
    assert [result.accepted for result in delivery.receipt.recipients] == accepted
    assert type(delivery.error) is (error or type(None))


@pytest.mark.parametrize(
    ("replies", "outcome", "accepted"),
    [
        ([OK, OK], Outcome.ACCEPTED, [True, True]),
        ([OK, NO], Outcome.PARTIAL, [True, False]),
        ([NO, LATER], Outcome.REJECTED, [False, False]),
    ],
)
def test_verdicts_of_lmtp(replies: list[Reply], outcome: Outcome, accepted: list[bool]) -> None:
    """RFC 2033 §4.2: one for each recipient that was accepted, and that one decides."""
    delivery = judgement(OK, OK, OK).verdicts(replies)

    assert delivery.receipt.outcome is outcome
    assert [(result.accepted, result.reply) for result in delivery.receipt.recipients] == list(
        zip(accepted, replies, strict=True)
    )


def test_lmtp_has_no_verdict_for_whom_it_refused() -> None:
    """The one that is left is that of the other."""
    delivery = judgement(OK, NO, OK).verdicts([OK])

    assert [result.accepted for result in delivery.receipt.recipients] == [False, True]


def test_hopeless() -> None:
    """Only what cannot be accepted any more."""
    assert [judgement(*replies).hopeless for replies in ([], [OK], [OK, NO], [OK, NO, NO], [NO], [OK, NO, OK])] == [
        False,
        False,
        False,
        True,
        True,
        False,
    ]


def test_what_never_left_and_what_nobody_knows() -> None:
    """Both carry a receipt that names everyone."""
    lost = ConnectionLost("gone")
    delivery = judgement(OK).not_sent(lost)
    unknown = judgement(OK, OK, OK).unknown(lost)

    assert (delivery.receipt.outcome, delivery.error) == (Outcome.NOT_SENT, lost)
    assert isinstance(unknown, OutcomeUnknown)
    assert unknown.receipt.outcome is Outcome.UNKNOWN
    assert len(unknown.receipt.recipients) == 2


def test_receipts_without_a_session() -> None:
    """No session, or no message."""
    error = InputError("no good")

    assert [result.address for result in not_sent(TWO, error).recipients] == ["ann@x.test", "bob@x.test"]
    assert unusable(error).outcome is Outcome.NOT_SENT
    with pytest.raises(InputError):
        Delivery(unusable(error), error).result()
