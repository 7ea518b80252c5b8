"""What is wrong with the lists of addresses in a configuration, entry by entry."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.errors import InputError
from mailward.guard.address_list import AddressList
from mailward.guard.geo import GeoDatabase
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.server.config_lines import KeyPath
    from mailward.server.config_sections import ListenerConfig

Told = Iterator[tuple["KeyPath", str]]
_ROOT: Final = Path("/")


def faults_of(key: str, entries: tuple[str, ...], *, geo: bool) -> Told:
    """geo: whether there is a database for countries and systems. Reads no file."""
    for index, entry in enumerate(entries):
        fault = _fault(entry, geo=geo)
        if fault is not None:
            yield (key, index), fault


def of_listener(listener: ListenerConfig) -> Told:
    """Places need the database of `[allowlist]`, so what a listener says of them is looked at with it."""
    if not listener.allow:
        yield ("allow",), 'is empty: nobody could log in here; leave it out, or write ["0.0.0.0/0", "::/0"]'
    for key in ("allow", "block"):
        yield from faults_of(key, getattr(listener, key), geo=True)
    for key in ("proxy", "xclient"):
        for index, text in enumerate(getattr(listener, key)):
            fault = network_fault(text)
            if fault is None and ipaddress.ip_network(text).prefixlen == 0:
                fault = f"{text} is everyone: any client could say it were any other"
            if fault is not None:
                yield (key, index), fault


def places_of(listener: ListenerConfig) -> Told:
    """What a listener says of countries and systems when there is no database for them."""
    for key in ("allow", "block"):
        for index, entry in enumerate(getattr(listener, key)):
            if entry.partition(":")[0].lower() in {"asn", "country"}:
                yield (key, index), "needs a database: name a MaxMind file in allowlist.geo_database"


def network_fault(text: str) -> str | None:
    """Why this is no network in CIDR notation, and the right way to write it."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f'"{printable(text, 80)}" is not a network; write "192.0.2.0/24" or "2001:db8::/32"'
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}", strict=False)
        return f'{text} is an IPv4 network in disguise; write "{network}"'
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return f'{text} has host bits set; did you mean "{network}"?'
    return None


def _fault(entry: str, *, geo: bool) -> str | None:
    if entry.partition(":")[0].lower() not in {"file", "dns", "asn", "country"}:
        return network_fault(entry)
    database = GeoDatabase() if geo else None
    try:
        AddressList.parse([entry], base=_ROOT, database=database)
    except InputError as error:
        return error.message
    return None
