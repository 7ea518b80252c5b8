"""Sets of networks in CIDR notation (RFC 4632, RFC 4291 §2.3), kept as sorted ranges: one bisection a look-up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from mailward.errors import InputError
from mailward.guard.source import Source, unmapped
from mailward.printable import printable

_MAPPED_BITS = 96
_EXAMPLES = "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"


class Networks:
    """`source in networks`. An IPv4 address is only ever in IPv4 networks, an IPv6 address in IPv6 ones."""

    __slots__ = ("_ranges",)

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            found[network.version].append((int(network.network_address), int(network.broadcast_address)))
        self._ranges = {version: _merged(ranges) for version, ranges in found.items()}

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Networks:
        """Read networks (`192.0.2.0/24`) and single addresses. Raises InputError that names the entry."""
        return cls(map(_network, entries))

    @classmethod
    def joined(cls, parts: Iterable[Networks]) -> Networks:
        """Whoever is in one of the parts."""
        whole, parts = cls(), tuple(parts)
        for version in whole._ranges:
            pairs = [pair for part in parts for pair in zip(*part._ranges[version], strict=True)]
            whole._ranges[version] = _merged(pairs)
        return whole

    def __contains__(self, source: Source) -> bool:
        source = unmapped(source)
        number = int(source)
        firsts, lasts = self._ranges[source.version]
        at = bisect_right(firsts, number)
        return at > 0 and number <= lasts[at - 1]

    def overlaps(self, network: IPv4Network | IPv6Network) -> bool:
        """Whether any address of `network` is in them."""
        firsts, lasts = self._ranges[network.version]
        at = bisect_right(firsts, int(network.broadcast_address))
        return at > 0 and int(network.network_address) <= lasts[at - 1]

    def __bool__(self) -> bool:
        return any(firsts for firsts, _ in self._ranges.values())


def _merged(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """First and last numbers of ranges that do not overlap; networks only ever lie beside or inside each other."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if not lasts or first > lasts[-1]:
            firsts.append(first)
            lasts.append(last)
        else:
            lasts[-1] = max(lasts[-1], last)
    return firsts, lasts


def _network(entry: str) -> IPv4Network | IPv6Network:
    entry = entry.strip()
    address, slash, length = entry.partition("/")
    if slash and not (length.isascii() and length.isdigit()):
        raise _refused(entry, "write the prefix length as a number: 192.0.2.0/24")
    if "%" in entry:
        raise _refused(entry, "a network has no zone; leave out the % and what follows")
    try:
        return _unmapped_network(ip_network(entry))
    except ValueError:
        raise _refused(entry, _right_one(entry, address)) from None


def _right_one(entry: str, address: str) -> str:
    try:
        return f"it has bits set after the prefix; write {ip_interface(entry).network} or {address}"
    except ValueError:
        return _EXAMPLES


def _unmapped_network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Sources never come v4-mapped, so an entry that is would match nothing."""
    address = unmapped(network.network_address)
    if address.version == network.version or network.prefixlen < _MAPPED_BITS:
        return network
    return ip_network(f"{address}/{network.prefixlen - _MAPPED_BITS}")


def _refused(entry: str, advice: str) -> InputError:
    return InputError(f"{printable(entry, 80)!r} is not a network: {advice}", phase="config", advice=advice)
