"""One message to the domains of its recipients: a route each, a session, a transaction (RFC 5321 §5.1)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.client.hop_session import HopSession
from mailward.client.judgement import Delivery, not_sent
from mailward.client.plan import Need, NoWay
from mailward.client.receipt import Outcome, Receipt
from mailward.client.route import find_route
from mailward.client.sts import StsPolicies
from mailward.client.submission import finished
from mailward.client.tls_report import TlsCounter
from mailward.client.transaction import Transaction
from mailward.errors import InputError, MailwardError, RouteError, TlsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailward.client.direct_options import DirectOptions
    from mailward.client.plan import Route
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.net.ports import Ports

_MOST_RECIPIENTS: Final = 100  # in a transaction; each server takes so many (RFC 5321 §4.5.3.1.8)
_MOST_KEPT: Final = 8  # sessions between messages
_GOODBYE: Final = 1.0
_FOREVER: Final = 86_400.0
_STRICT: Final = frozenset({Need.DANE, Need.MTA_STS})


Kept: TypeAlias = "dict[str, Session]"
"""Sessions by the domain whose mail they take, the one of no use for the longest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectReceipt(Receipt):
    """What became of a message with each domain: `domains`, by name. `tls` is that of the only one, else None.

    The outcome is "unknown" as soon as it is for one domain, "partial" where some recipients were accepted, and
    "rejected" where every domain refused.
    """

    domains: tuple[tuple[str, Receipt], ...] = ()

    def as_dict(self) -> dict[str, object]:
        told = Receipt.as_dict(self)
        return told | {"domains": {domain: receipt.as_dict() for domain, receipt in self.domains}}


class Director:
    """What one direct client delivers through."""

    def __init__(self, options: DirectOptions, ports: Ports) -> None:
        self._options = options
        self._ports = ports
        self._counter = TlsCounter(options.book, ports)
        self._policies: StsPolicies | None = None

    async def deliver(self, submission: Submission, kept: Kept | None = None) -> Delivery:
        """Raises InputError only; what befalls the message is in the Delivery.

        kept: sessions of the messages before, of which `end` must take leave.
        """
        submission = finished(submission, self._ports, self._options.signers)
        total = self._options.timeout.total
        until = self._ports.now() + (_FOREVER if total is None else total)
        groups = list(_by_domain(submission))
        done: list[tuple[str, Delivery]] = []
        for position, (domain, part) in enumerate(groups):
            left = max(0.0, until - self._ports.now())
            end = self._ports.now() + left / (len(groups) - position)
            done.append((domain, await self._to_domain(domain, part, end, kept)))
        return _merged(submission, done)

    async def end(self, kept: Kept) -> None:
        """Says goodbye to each of them, for a moment at most."""
        while kept:
            session = kept.pop(next(iter(kept)))
            session.conversation.until = self._ports.now() + _GOODBYE
            await session.end()

    async def _to_domain(self, domain: str, submission: Submission, until: float, kept: Kept | None) -> Delivery:
        delivery = await self._in_kept_session(domain, submission, until, kept)
        if delivery is not None:
            return delivery
        try:
            route = await self._route(domain, submission, until)
        except MailwardError as error:
            if isinstance(error, NoWay):
                await self._count_failures(error.route)
            return _not_sent(submission, error)
        await self._count_failures(route)
        return await self._by_route(route, submission, until, kept)

    async def _in_kept_session(
        self, domain: str, submission: Submission, until: float, kept: Kept | None
    ) -> Delivery | None:
        """None where a fresh one is needed: there is none, it is over, or its server refuses for now."""
        if not kept or submission.how.requiretls or (session := kept.pop(domain, None)) is None:
            return None
        if await session.conversation.interrupted():
            session.abort()
            return None
        delivery = _of_host(await self._transact(session, submission, until), session.host)
        await self._keep_or_end(domain, session, kept)
        return None if _next_may(delivery) else delivery

    async def _keep_or_end(self, domain: str, session: Session, kept: Kept | None) -> None:
        if kept is None or not session.reusable:
            await session.end()
            return
        if len(kept) >= _MOST_KEPT:
            await kept.pop(next(iter(kept))).end()
        kept[domain] = session

    async def _route(self, domain: str, submission: Submission, until: float) -> Route:
        if self._policies is None:
            context = await self._ports.compute(lambda: self._options.trust.context)
            self._policies = StsPolicies(self._ports, self._options.book, context, self._options.dns)
        requiretls = submission.how.requiretls
        route = await find_route(
            domain,
            self._ports,
            self._policies,
            port=self._options.port,
            dns=self._options.dns,
            least=Need.VERIFIED if requiretls else self._options.least,
            until=until,
        )
        return _strict(route) if requiretls else route

    async def _by_route(self, route: Route, submission: Submission, until: float, kept: Kept | None) -> Delivery:
        """To the first server that takes it or refuses it for good; another is tried only while nobody may have it."""
        failures: list[MailwardError] = []
        last: Delivery | None = None
        for position, hop in enumerate(route.hops):
            now = self._ports.now()
            end = now + max(0.0, until - now) / (len(route.hops) - position)
            for failure in hop.failures:
                await self._counter.count(hop.policy, failure, host=hop.host)
            try:
                session = await HopSession(hop, self._options, self._ports, self._counter, until=end).open()
            except MailwardError as error:
                error.retryable = error.retryable or isinstance(error, TlsError)  # a domain mends what it forgot
                failures.append(error)
                continue
            last = _of_host(await self._transact(session, submission, until), hop.host)
            if not _next_may(last):
                await self._keep_or_end(route.domain, session, None if submission.how.requiretls else kept)
                return last
            await session.end()
        return last or _not_sent(submission, _nobody(route, failures))

    async def _transact(self, session: Session, submission: Submission, until: float) -> Delivery:
        """One transaction for as many recipients as the server takes at once."""
        session.conversation.until = until
        size = min(session.offers.most_recipients or _MOST_RECIPIENTS, _MOST_RECIPIENTS)
        parts = [submission.recipients[start:][:size] for start in range(0, len(submission.recipients), size)]
        deliveries: list[Delivery] = []
        try:
            for recipients in parts:
                part = replace(submission, recipients=recipients)
                if deliveries and not session.reusable:
                    deliveries.append(_not_sent(part, RouteError("the server takes no other transaction now")))
                    continue
                deliveries.append(await Transaction(session, part).run())
                await session.tidy()
        except BaseException:
            session.abort()
            raise
        return deliveries[0] if len(deliveries) == 1 else _merged(submission, [("", each) for each in deliveries])

    async def _count_failures(self, route: Route) -> None:
        for policy, failure in route.failures:
            await self._counter.count(policy, failure)


def _by_domain(submission: Submission) -> Iterator[tuple[str, Submission]]:
    domains = dict.fromkeys(mailbox.domain for mailbox in submission.recipients)
    if "" in domains:
        raise InputError("a recipient without a domain has no server to go to", phase="route")
    for domain in domains:
        recipients = tuple(mailbox for mailbox in submission.recipients if mailbox.domain == domain)
        yield domain, replace(submission, recipients=recipients)


def _strict(route: Route) -> Route:
    """What REQUIRETLS asks for: verified TLS with a server that nobody put in another's place (RFC 8689 §4.2.1)."""
    hops = tuple(hop for hop in route.hops if hop.need in _STRICT or route.secure)
    if not hops:
        raise RouteError(
            f"{route.domain} has neither DANE nor MTA-STS, so that REQUIRETLS cannot be kept",
            phase="route",
            enhanced_code="5.7.30",
            retryable=False,
        )
    return replace(route, hops=hops)


def _next_may(delivery: Delivery) -> bool:
    """Whether the next server may be tried: nobody was accepted, nothing is unknown, and the refusal is for now."""
    if delivery.error is None or delivery.receipt.outcome not in (Outcome.REJECTED, Outcome.NOT_SENT):
        return False
    return delivery.error.retryable and not isinstance(delivery.error, InputError)


def _of_host(delivery: Delivery, host: str) -> Delivery:
    receipt = replace(delivery.receipt, host=host)
    if delivery.error is not None:
        delivery.error.receipt = receipt
    return Delivery(receipt, delivery.error)


def _nobody(route: Route, failures: Sequence[MailwardError]) -> MailwardError:
    if len(failures) == 1:
        return failures[0]
    told = "; ".join(f"{hop.host}: {failure.message}" for hop, failure in zip(route.hops, failures, strict=False))
    return RouteError(
        f"no server of {route.domain} could be used: {told}",
        phase="route",
        retryable=any(failure.retryable for failure in failures),
        advice="try again later",
    )


def _not_sent(submission: Submission, error: MailwardError) -> Delivery:
    error.receipt = not_sent(submission, error)
    return Delivery.failed(error)


def _merged(submission: Submission, parts: Sequence[tuple[str, Delivery]]) -> Delivery:
    """One receipt of all, recipients in the order in which they were given."""
    receipts = [delivery.receipt for _, delivery in parts]
    results = {result.address: result for receipt in receipts for result in receipt.recipients}
    first = receipts[0] if len(receipts) == 1 else _of_all(receipts[0])
    told = {field.name: getattr(first, field.name) for field in fields(Receipt)}
    receipt = DirectReceipt(
        **told
        | {
            "outcome": _outcome([receipt.outcome for receipt in receipts]),
            "recipients": tuple(results[str(mailbox)] for mailbox in submission.recipients),
            "error": "; ".join(filter(None, (receipt.error for receipt in receipts))),
            "domains": tuple((domain, delivery.receipt) for domain, delivery in parts if domain),
        }
    )
    errors = [delivery.error for _, delivery in parts if delivery.error is not None]
    unknown = [error for error in errors if error.outcome == Outcome.UNKNOWN]
    if not unknown and len(errors) < len(parts):
        return Delivery(receipt)
    error = (unknown or errors)[0]
    error.receipt = receipt
    return Delivery(receipt, error)


def _of_all(receipt: Receipt) -> Receipt:
    """What is the same with every domain."""
    return Receipt(
        outcome=receipt.outcome,
        sender=receipt.sender,
        message_id=receipt.message_id,
        dkim=receipt.dkim,
        envid=receipt.envid,
    )


def _outcome(outcomes: Sequence[Outcome]) -> Outcome:
    different = set(outcomes)
    if Outcome.UNKNOWN in different:
        return Outcome.UNKNOWN
    if len(different) == 1:
        return outcomes[0]
    accepted = different & {Outcome.ACCEPTED, Outcome.PARTIAL}
    return Outcome.PARTIAL if accepted else Outcome.NOT_SENT
