"""The way to a domain's mail servers: MX, addresses, TLSA, MTA-STS, in that order (RFC 5321, RFC 7672, RFC 8461)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from mailward.client.plan import LATER, Facts, Hop, Need, Route, plan
from mailward.client.sts import StsFound
from mailward.errors import DnsError, RouteError
from mailward.printable import printable
from mailward.records.answer import DnsAnswer, TlsaRecord
from mailward.records.mx import Exchanges, exchanges
from mailward.records.tls_rpt import AppliedPolicy, PolicyKind
from mailward.records.tlsa import usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.sts import StsPolicies
    from mailward.net.ports import Ports
    from mailward.net.query import Dns

MOST_HOSTS: Final = 8  # of a domain that are looked up, the best ones
_MOST_ADDRESSES: Final = 8  # of a host in each family
_QUERY_TIME: Final = 10.0


async def find_route(
    domain: str,
    ports: Ports,
    policies: StsPolicies,
    *,
    port: int = 25,
    dns: Dns | None = None,
    least: Need = Need.ENCRYPTED,
    until: float,
) -> Route:
    """The lookups, then `plan`. Raises RouteError: not retryable where the domain takes no mail."""
    if domain.startswith("["):
        return _to_literal(domain, least)
    lookup = _Lookup(ports, dns, port, until)
    choice = exchanges(domain, await lookup.mx(domain), chance=ports.nonce)
    facts = [await lookup.facts(host, domain, choice) for host in choice.hosts[:MOST_HOSTS]]
    if all(host.problem or (host.tlsa and usable(host.tlsa)) for host in facts):
        return plan(domain, choice, facts, StsFound(), least=least)  # no web server is asked where DANE says all
    return plan(domain, choice, facts, await policies.of(domain, until=until), least=least)


class _Lookup:
    """The questions about the hosts of one domain."""

    def __init__(self, ports: Ports, dns: Dns | None, port: int, until: float) -> None:
        self._ports = ports
        self._dns = dns
        self._port = port
        self._until = until

    async def mx(self, domain: str) -> DnsAnswer:
        try:
            return await self._ask(domain, "MX")
        except DnsError as error:
            shown = printable(domain, 255)
            raise RouteError(
                f"nobody can say who takes the mail of {shown}: {error.message}", phase="route", advice=LATER
            ) from error

    async def facts(self, host: str, domain: str, choice: Exchanges) -> Facts:
        try:
            return await self._facts(host, domain, choice)
        except DnsError as error:
            return Facts(host, problem=error.message)

    async def _facts(self, host: str, domain: str, choice: Exchanges) -> Facts:
        answers = await self._addresses(host)
        addresses = tuple(address for answer in answers for address in answer.addresses[:_MOST_ADDRESSES])
        if any(answer.state == "bogus" for answer in answers):
            return Facts(host, problem="DNSSEC says that its addresses are forged", forged=True)
        if not addresses:
            return Facts(host, problem="it has no address")
        if not (choice.secure or choice.implicit):
            return Facts(host, addresses)  # whoever can forge the MX record needs no key of this host
        for name in await self._tlsa_names(host, answers):
            answer = await self._ask(f"_{self._port}._tcp.{name}", "TLSA")
            if answer.state == "bogus":
                return Facts(host, problem="DNSSEC says that its TLSA records are forged", forged=True)
            records = tuple(record for record in answer.records if isinstance(record, TlsaRecord))
            if records and answer.authenticated:
                return Facts(host, addresses, records, tuple(dict.fromkeys((name, host, domain))))
        return Facts(host, addresses)

    async def _addresses(self, host: str) -> list[DnsAnswer]:
        """A family that nobody answers for does not matter while the other has addresses."""
        answers: list[DnsAnswer] = []
        problem: DnsError | None = None
        for kind in ("AAAA", "A"):
            try:
                answers.append(await self._ask(host, kind))
            except DnsError as error:
                problem = error
        if problem is not None and not any(answer.addresses for answer in answers):
            raise problem
        return answers

    async def _tlsa_names(self, host: str, answers: Sequence[DnsAnswer]) -> tuple[str, ...]:
        """Where the host's TLSA records may be: at the end of its aliases, then at itself (RFC 7672 §2.2.2)."""
        found = [answer for answer in answers if answer.records]
        canonical = found[0].canonical
        if all(answer.authenticated for answer in found):
            return tuple(dict.fromkeys((canonical, host)))
        if canonical != host:
            alias = await self._ask(host, "CNAME")
            if alias.state == "bogus":
                raise DnsError(f"DNSSEC says that the alias {host} is forged", phase="route")
            if alias.authenticated and alias.records:
                return (host,)
        return ()

    async def _ask(self, name: str, kind: str) -> DnsAnswer:
        within = max(0.001, min(_QUERY_TIME, self._until - self._ports.now()))
        return await self._ports.query(name, kind, within=within, dns=self._dns)


def _to_literal(domain: str, least: Need) -> Route:
    """[192.0.2.1] and [IPv6:2001:db8::1]: one server, which no name vouches for."""
    text = domain[1:-1]
    text = text[5:] if text[:5].lower() == "ipv6:" else text
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        raise RouteError(f"{printable(domain)} is no address", phase="route", retryable=False) from None
    hop = Hop(address, (address,), least, AppliedPolicy(PolicyKind.NONE, domain), (address,))
    return Route(domain, (hop,))
