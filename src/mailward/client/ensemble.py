"""The flow behind Failover and RoundRobin: who is asked next, and what several servers together made of a message."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import TYPE_CHECKING

from mailward.client.health import Health
from mailward.client.receipt import Outcome, Receipt, RecipientResult
from mailward.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    InputError,
    MailwardError,
    OutcomeUnknown,
    TlsError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.how import SendArguments
    from mailward.client.sender import Way
    from mailward.client.submission import Submission
    from mailward.net.ports import Ports

_UNWELL = (AuthError, ConnectError, ConnectionLost, DeadlineExceeded, TlsError)


@dataclass(slots=True)
class _Account:
    """What is known of each recipient so far. `error`: the last one; `receipt`: the one that says most."""

    recipients: tuple[str, ...]
    results: dict[str, RecipientResult] = field(default_factory=dict)
    error: MailwardError | None = None
    receipt: Receipt | None = None

    def enter(self, receipt: Receipt | None, error: MailwardError | None) -> None:
        self.error = error
        if receipt is None:
            return
        for result in receipt.recipients:
            known = self.results.get(result.address)
            if known is None or result.accepted or result.reply is not None:
                self.results[result.address] = result
        taken = (Outcome.ACCEPTED, Outcome.PARTIAL)
        if self.receipt is None or receipt.outcome in taken or self.receipt.outcome not in taken:
            self.receipt = receipt

    @property
    def left(self) -> tuple[str, ...]:
        """Who can be tried with another server: not accepted, and not refused for good."""
        return tuple(address for address in self.recipients if self._is_open(self.results.get(address)))

    def settled(self, sender: str) -> Receipt:
        """One receipt of all; raises what the last server raised if nobody was accepted or one is unknown."""
        results = tuple(self.results.get(each) or RecipientResult(each, accepted=False) for each in self.recipients)
        taken = sum(result.accepted for result in results)
        unknown = isinstance(self.error, OutcomeUnknown)
        receipt = self.receipt or Receipt(outcome=Outcome.NOT_SENT, sender=sender)
        outcome = Outcome.ACCEPTED if taken == len(results) else Outcome.PARTIAL if taken else receipt.outcome
        told = self.error.message if self.error is not None else receipt.error
        merged = replace(
            receipt,
            outcome=Outcome.UNKNOWN if unknown else outcome,
            recipients=results,
            error=told if taken < len(results) else "",
        )
        if self.error is not None and (unknown or not taken):
            self.error.receipt = merged
            raise self.error
        return merged

    @staticmethod
    def _is_open(result: RecipientResult | None) -> bool:
        if result is None or result.accepted:
            return result is None
        return result.reply is None or result.reply.positive or result.reply.transient


class Ensemble:
    """`turns`: each message begins with the next client; without, always with the first."""

    def __init__(self, clients: Sequence[Way], ports: Ports, *, pause: float, turns: bool) -> None:
        if not clients:
            raise InputError("there must be one client at least", phase="options")
        self._clients = tuple(clients)
        self._ports = ports
        self._health = Health(len(self._clients), pause=pause)
        self._turns = turns
        self._next = 0

    def __repr__(self) -> str:
        return ", ".join(map(repr, self._clients))

    async def send(self, submission: Submission, how: SendArguments) -> Receipt:
        if how.get("exactly_once") and len(self._clients) > 1:
            raise InputError("exactly_once= can be had from one server only, and these are several", phase="options")
        account = _Account(tuple(str(mailbox) for mailbox in submission.recipients))
        for place in self._health.order(self._ports.now(), first=self._first()):
            receipt, error = await self._attempt(place, submission, account.left, how)
            account.enter(receipt, error)
            if isinstance(error, OutcomeUnknown) or not account.left:
                break
        return account.settled(str(submission.sender or ""))

    async def close(self) -> None:
        for client in self._clients:
            closed = client.close()
            if isawaitable(closed):
                await closed

    async def _attempt(
        self, place: int, submission: Submission, recipients: tuple[str, ...], how: SendArguments
    ) -> tuple[Receipt | None, MailwardError | None]:
        sender = str(submission.sender or "")
        try:
            sent = self._clients[place].send(submission.content, sender=sender, recipients=recipients, **how)
            receipt: Receipt = await sent if isawaitable(sent) else sent
        except MailwardError as error:
            if isinstance(error, _UNWELL):
                self._health.failed(place, self._ports.now())
            else:
                self._health.succeeded(place)
            return error.receipt, error
        self._health.succeeded(place)
        return receipt, None

    def _first(self) -> int:
        first = self._next
        if self._turns:
            self._next = (first + 1) % len(self._clients)
        return first
