"""Which transactions a message needs, and how what became of them is told as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailward.client.flight import Flight, joined
from mailward.client.judgement import Delivery
from mailward.client.offers import Offers
from mailward.client.receipt import Outcome, Receipt, RecipientResult
from mailward.client.submission import Submission
from mailward.errors import OutcomeUnknown, PermanentReply
from mailward.wire.address import Mailbox
from mailward.wire.keyword import Keywords

NONE = Offers.of(Keywords.none())
FIVE = tuple(Mailbox(f"u{number}", f"d{number // 2}.test") for number in range(5))  # two, two and one of a domain
MANY = Submission.of(None, FIVE, b"\r\nhello\r\n")


@pytest.mark.parametrize(
    ("recipients", "domains", "sizes"),
    [(None, None, [5]), (5, None, [5]), (2, None, [2, 2, 1]), (None, 1, [2, 2, 1]), (3, 2, [3, 2]), (1, 1, [1] * 5)],
)
def test_parts(recipients: int | None, domains: int | None, sizes: list[int]) -> None:
    """Each keeps RCPTMAX and RCPTDOMAINMAX, in order, and all but the last say that more follows."""
    parts = Flight(MANY).parts(replace(NONE, most_recipients=recipients, most_domains=domains))

    assert [len(part.wanted.recipients) for part in parts] == sizes
    assert tuple(mailbox for part in parts for mailbox in part.wanted.recipients) == FIVE
    assert [part.more for part in parts] == [True] * (len(sizes) - 1) + [False]
    if domains is not None:
        assert all(len({box.domain for box in part.wanted.recipients}) <= domains for part in parts)


def part(outcome: Outcome, accepted: str) -> Delivery:
    """`accepted`: y or n for each recipient."""
    receipt = Receipt(
        outcome=outcome,
        recipients=tuple(RecipientResult("x@y.test", each == "y") for each in accepted),
        error="" if outcome is Outcome.ACCEPTED else f"it is {outcome}",
    )
    error = {Outcome.REJECTED: PermanentReply, Outcome.UNKNOWN: OutcomeUnknown}.get(outcome)
    return Delivery(receipt, error("x") if error else None)


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ([part(Outcome.ACCEPTED, "y"), part(Outcome.ACCEPTED, "y")], Outcome.ACCEPTED),
        ([part(Outcome.ACCEPTED, "y"), part(Outcome.REJECTED, "n")], Outcome.PARTIAL),
        ([part(Outcome.PARTIAL, "yn"), part(Outcome.NOT_SENT, "n")], Outcome.PARTIAL),
        ([part(Outcome.ACCEPTED, "y"), part(Outcome.UNKNOWN, "n")], Outcome.UNKNOWN),
        ([part(Outcome.REJECTED, "n"), part(Outcome.REJECTED, "n")], Outcome.REJECTED),
        ([part(Outcome.REJECTED, "n"), part(Outcome.NOT_SENT, "n")], Outcome.REJECTED),
        ([part(Outcome.NOT_SENT, "n"), part(Outcome.NOT_SENT, "n")], Outcome.NOT_SENT),
    ],
)
def test_parts_are_told_as_one(parts: list[Delivery], outcome: Outcome) -> None:
    """What is unknown of one part is unknown of the message; each recipient keeps its own result."""
    whole = joined(parts)

    assert whole.receipt.outcome is outcome
    assert len(whole.receipt.recipients) == sum(len(each.receipt.recipients) for each in parts)
    assert (whole.error is None) is (outcome in (Outcome.ACCEPTED, Outcome.PARTIAL))
    if whole.error is not None:
        assert whole.error.receipt is whole.receipt


def test_one_part_is_the_whole() -> None:
    """Nothing is copied."""
    only = part(Outcome.REJECTED, "n")

    assert joined([only]) is only
