"""Which source a login comes from: one canonical form, and the rings that are counted (RFC 4291 §2.5.5.2)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from mailward.errors import InputError
from mailward.printable import printable

Source: TypeAlias = IPv4Address | IPv6Address

_MAPPED = 0xFFFF  # the upper 96 bits of ::ffff:192.0.2.7
_SUBNET_BITS = 64  # what one IPv6 customer has at the least
_OF_V4 = set("0123456789./")
_OF_V6 = _OF_V4 | set("abcdefABCDEF:")
_RINGS = {4: (26, 21), 6: (48, 32)}


def canonical_source(text: str) -> Source:
    """The address a socket names its peer by: v4-mapped as IPv4, without zone. Raises InputError.

    6to4, NAT64 and v4-compatible addresses stay IPv6: anyone can put any IPv4 address into those.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise InputError(f"{printable(text, 80)!r} is not an IP address", phase="connect") from None
    return unmapped(address)


def unmapped(address: Source) -> Source:
    if address.version == 6 and int(address) >> 32 == _MAPPED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def ring(source: Source) -> str:
    """What is counted and banned as one: `ip:192.0.2.7`, `ip:2001:db8::/64`."""
    if isinstance(source, IPv4Address):
        a, b, c, d = source.packed
        return f"ip:{a}.{b}.{c}.{d}"  # what str() gives, in a third of the time
    return _network(source, _SUBNET_BITS)


def networks(source: Source) -> tuple[str, str]:
    """The two around it that are counted too: `ip:192.0.2.0/26`, `ip:192.0.0.0/21`; `ip:2001:db8::/48` and `/32`."""
    inner, outer = _RINGS[source.version]
    return _network(source, inner), _network(source, outer)


def _network(source: Source, bits: int) -> str:
    rest = source.max_prefixlen - bits
    return f"ip:{type(source)(int(source) >> rest << rest)}/{bits}"


def looks_like_address(text: str) -> bool:
    """Nobody means an account by it, though it may be no address: a network, or one with a slip of the finger."""
    return ("." in text and set(text) <= _OF_V4) or (":" in text and set(text) <= _OF_V6)
