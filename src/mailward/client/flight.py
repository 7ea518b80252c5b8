"""A message of many on its way, in as many transactions as its recipients need (RFC 9422)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailward.client.judgement import Delivery, Judgement
from mailward.client.receipt import Outcome
from mailward.errors import RecipientsRefused
from mailward.wire.transparency import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailward.client.offers import Offers
    from mailward.client.receipt import Receipt
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.errors import MailwardError
    from mailward.wire.address import Mailbox
    from mailward.wire.reply import Reply


class Flight:
    """`size`: octets of its content. `delivery`: what became of it, once that is known. `more`: another part follows.

    `unknown`: what became of it the first time, where its key may tell more.
    On the way: `awaited` replies are still to come, `reset` if the first of them is RSET's. `promised` when a 354 waits
    for its content, `said` once that was prepared, so that the last reply is the verdict on it, and `ended` once its
    last octet may have left.
    """

    __slots__ = (
        "awaited",
        "delivery",
        "ended",
        "judgement",
        "more",
        "promised",
        "reset",
        "said",
        "since",
        "size",
        "submission",
        "unknown",
    )

    judgement: Judgement

    def __init__(self, submission: Submission | None, delivery: Delivery | None = None, *, more: bool = False) -> None:
        self.submission = submission
        self.delivery: Delivery | None = delivery
        self.unknown: Delivery | None = None
        self.more = more
        self.size = 0 if submission is None else submission.size
        self.settle_down()

    def settle_down(self) -> None:
        """As it was before anything of it was said."""
        self.awaited = 0
        self.reset = self.said = self.ended = self.promised = False
        self.since = 0.0

    @property
    def wanted(self) -> Submission:
        """Of one that can be sent."""
        assert self.submission is not None, "what cannot be sent is never begun"  # noqa: S101 - for the reader and mypy
        return self.submission

    @property
    def text(self) -> bytes:
        """Content that is held whole, ending with a line."""
        content = self.wanted.content
        return as_text(content if isinstance(content, bytes) else b"".join(content.pieces()))

    def say(self) -> bytes:
        """Its content after a 354; the reply to come is the verdict."""
        self.promised, self.said, self.awaited = False, True, 1
        return self.text

    def begin(self, session: Session, now: float) -> None:
        """Raises InputError where the server does not offer what the message needs."""
        self.judgement = Judgement(session, self.wanted)
        self.since = now
        if self.unknown is not None and not session.offers.idempotent:
            self.delivery = self.unknown
            return
        session.offers.check(self.wanted)
        session.sent += 1

    def hear(self, reply: Reply) -> None:
        """The next reply that it waits for."""
        self.awaited -= 1
        if self.awaited and not self.reset and reply.code < 300:
            self.judgement.replies.append(reply)
        elif reply.code == 421 and (self.awaited or not self.said):
            self.judgement.replies.append(reply)
            self.delivery = Delivery.failed(self.judgement.refusal())
        elif self.reset:
            self.reset = False
        elif self.said and not self.awaited:
            self.delivery = self.judgement.verdict(reply)
        else:
            self.judgement.replies.append(reply)
            if not self.awaited:
                self._decide()

    def lose(self, error: MailwardError, *, blame: bool) -> bool:
        """After the connection was lost; False if it may begin anew. `blame`: it was the first on the way.

        What is unknown may be said once more under its key, to a server that then tells what became of it.
        """
        if self.judgement.hopeless:
            self.delivery = Delivery.failed(self.judgement.refusal())
        elif self.ended:
            unknown = self.judgement.unknown(error)
            unknown.__cause__ = error
            again = self.unknown is None and self.judgement.key is not None
            self.unknown = Delivery.failed(unknown)
            self.delivery = None if again else self.unknown
        elif blame:
            self.delivery = self.judgement.not_sent(error) if self.unknown is None else self.unknown
        return self.delivery is not None

    def give_up(self) -> bool:
        """Where no other session is to be had: whether what became of it the first time is its answer."""
        self.delivery = self.unknown
        return self.delivery is not None

    def _decide(self) -> None:
        """After the reply to DATA."""
        self.promised = self.judgement.replies[-1].intermediate
        if not self.judgement.accepted or not self.promised:
            self.delivery = Delivery.failed(self.judgement.refusal())

    def parts(self, offers: Offers) -> list[Flight]:
        """Itself, or one for each transaction that its recipients need."""
        submission = self.submission
        if submission is None or (offers.most_recipients is None and offers.most_domains is None):
            return [self]
        groups = list(_groups(submission.recipients, offers.most_recipients, offers.most_domains))
        if len(groups) == 1:
            return [self]
        last = len(groups) - 1
        return [
            Flight(
                replace(submission, recipients=group, name=_part(submission, number)), more=self.more or number < last
            )
            for number, group in enumerate(groups)
        ]


def _part(submission: Submission, number: int) -> str:
    """Each transaction is a message of its own to a server that takes one message once."""
    return f"{submission.name}.{number}" if submission.name else ""


def _groups(recipients: Sequence[Mailbox], most: int | None, most_domains: int | None) -> Iterator[tuple[Mailbox, ...]]:
    group: list[Mailbox] = []
    domains: set[str] = set()
    for mailbox in recipients:
        full = most is not None and len(group) >= most
        strange = most_domains is not None and mailbox.domain not in domains and len(domains) >= most_domains
        if group and (full or strange):
            yield tuple(group)
            group, domains = [], set()
        group.append(mailbox)
        domains.add(mailbox.domain)
    yield tuple(group)


def lost(spoken: Iterable[Flight], error: MailwardError | None) -> tuple[list[Flight], list[Flight]]:
    """Of those on the way over a connection that was lost: who is decided by it, and who may begin anew."""
    decided: list[Flight] = []
    again: list[Flight] = []
    for number, flight in enumerate(spoken):
        if error is not None and flight.lose(error, blame=number == 0):
            decided.append(flight)
        else:
            flight.settle_down()
            again.append(flight)
    return decided, again


def joined(deliveries: Sequence[Delivery]) -> Delivery:
    """One of the parts of a message."""
    if len(deliveries) == 1:
        return deliveries[0]
    receipts = [delivery.receipt for delivery in deliveries]
    recipients = tuple(result for receipt in receipts for result in receipt.recipients)
    outcome = _outcome(receipts, all_accepted=all(result.accepted for result in recipients))
    told = "; ".join(dict.fromkeys(receipt.error for receipt in receipts if receipt.error))
    best = next((receipt for receipt in receipts if receipt.outcome is outcome), receipts[0])
    receipt = replace(best, outcome=outcome, recipients=recipients, error=told)
    if outcome in (Outcome.ACCEPTED, Outcome.PARTIAL):
        return Delivery(receipt)
    error = next((delivery.error for delivery in deliveries if delivery.receipt.outcome is outcome), None)
    error = error or RecipientsRefused(told, phase="rcpt")
    error.receipt = receipt
    return Delivery(receipt, error)


def _outcome(receipts: Sequence[Receipt], *, all_accepted: bool) -> Outcome:
    outcomes = {receipt.outcome for receipt in receipts}
    if all_accepted:
        return Outcome.ACCEPTED
    if Outcome.UNKNOWN in outcomes:
        return Outcome.UNKNOWN
    if outcomes & {Outcome.ACCEPTED, Outcome.PARTIAL}:
        return Outcome.PARTIAL
    return Outcome.REJECTED if Outcome.REJECTED in outcomes else Outcome.NOT_SENT
