"""Which addresses are of the public Internet, so that a name in a stranger's hand cannot point inside (RFC 6890)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_LOCALLY_TRANSLATED: Final = IPv6Network("64:ff9b:1::/48")  # RFC 8215: where the IPv4 address stands in it is local


def is_public(address: str) -> bool:
    """False for what is no address, too; an IPv4 address inside an IPv6 address counts as itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip in _LOCALLY_TRANSLATED:
        return False
    if isinstance(ip, IPv6Address) and (inner := _inner(ip)) is not None:
        ip = inner
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """Mapped, 6to4, Teredo (the client's), or translated by NAT64."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in network for network in _TRANSLATED):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
