"""The addresses of a host name with the seconds they hold, asked of the DNS itself (RFC 1035, RFC 2308, RFC 3596)."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.errors import DnsError
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.asyncresolver import Resolver
    from dns.rdatatype import RdataType

WITHIN: Final = 5.0  # seconds for both questions together
_NOTHING_HOLDS: Final = 300.0  # seconds that "no such name" is believed
_ADVICE = "check the spelling of the host name and this machine's DNS"

Addresses: TypeAlias = tuple[IPv4Address | IPv6Address, ...]


class Dns:
    """`await dns(name)`: its addresses and for how many seconds they hold; none if it exists not, or has none.

    `nameservers`: IP addresses to ask, by default those of this machine; `port`: theirs.
    """

    def __init__(self, nameservers: Sequence[str] = (), *, port: int = 53, within: float = WITHIN) -> None:
        self._nameservers = tuple(nameservers)
        self._port = port
        self._within = within
        self._resolver: Resolver | None = None

    async def __call__(self, name: str) -> tuple[Addresses, float]:
        """Raises DnsError when no server gives an answer, or one of the two questions has none."""
        resolver = self._opened()
        from dns.rdatatype import RdataType  # noqa: PLC0415

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(resolver, name, each)) for each in (RdataType.A, RdataType.AAAA)]
        found: list[tuple[Addresses, float]] = []
        for answer in (task.result() for task in asked):
            if isinstance(answer, DnsError):
                self._resolver = None  # this machine may have been given other servers meanwhile
                raise answer
            found.append(answer)
        addresses = tuple(address for some, _ in found for address in some)
        return addresses, min((ttl for some, ttl in found if some), default=_NOTHING_HOLDS)

    def _opened(self) -> Resolver:
        if self._resolver is None:
            from dns.asyncresolver import Resolver  # noqa: PLC0415 - a tenth of a second that few need
            from dns.exception import DNSException  # noqa: PLC0415

            try:
                resolver = Resolver(configure=not self._nameservers)
            except (DNSException, OSError) as problem:
                raise DnsError(
                    f"this machine names no DNS server: {printable(str(problem))}",
                    phase="connect",
                    advice="name a server in /etc/resolv.conf",
                ) from problem
            if self._nameservers:
                resolver.nameservers = list(self._nameservers)
                resolver.port = self._port
            self._resolver = resolver
        return self._resolver

    async def _ask(self, resolver: Resolver, name: str, kind: RdataType) -> tuple[Addresses, float] | DnsError:
        """An error is given back, so that the other question is not cancelled half-way."""
        from dns.exception import DNSException  # noqa: PLC0415
        from dns.resolver import NXDOMAIN, NoAnswer  # noqa: PLC0415

        try:
            answer = await resolver.resolve(name, kind, lifetime=self._within, search=False)
        except (NXDOMAIN, NoAnswer):
            return (), _NOTHING_HOLDS
        except (DNSException, OSError, EOFError) as problem:
            return DnsError(
                f"{printable(name, 255)} does not resolve: {printable(str(problem), 300)}",
                phase="connect",
                advice=_ADVICE,
            )
        return tuple(ip_address(record.to_text()) for record in answer), float(answer.chaining_result.minimum_ttl)
