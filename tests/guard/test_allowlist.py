"""Sets of networks (row S62 of the bad inputs)."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
from mailward.guard.allowlist import Networks
from mailward.guard.source import canonical_source

PRIVATE = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "fe80::/10")


@pytest.mark.parametrize(
    "source,inside",
    [
        ("10.1.2.3", True),
        ("11.0.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("::10.0.0.1", False),
    ],
)
def test_who_is_inside(source: str, inside: bool) -> None:
    """v4-mapped is IPv4, zones do not count, and no other IPv6 address is ever in an IPv4 network."""
    assert (canonical_source(source) in Networks.parse(PRIVATE)) is inside


def test_a_mapped_address_is_ipv4_even_when_nobody_made_it_canonical() -> None:
    """The set does not rely on its caller."""
    assert IPv6Address("::ffff:10.0.0.1") in Networks.parse(["10.0.0.0/8"])
    assert IPv6Address("::ffff:10.0.0.1") not in Networks.parse(["::/0"])


def test_a_mapped_network_is_an_ipv4_network() -> None:
    """An entry that could never match would be a trap."""
    networks = Networks.parse(["::ffff:10.0.0.0/104"])

    assert IPv4Address("10.9.9.9") in networks
    assert IPv4Address("11.0.0.1") not in networks


def test_no_networks_allow_nobody() -> None:
    """An empty list is empty."""
    assert IPv4Address("127.0.0.1") not in Networks.parse([])
    assert not Networks.parse([])
    assert Networks.parse(["::/0"])


@pytest.mark.parametrize(
    "entry,advice",
    [
        ("10.0.0.1/8", "write 10.0.0.0/8 or 10.0.0.1"),
        ("2001:db8::1/32", "write 2001:db8::/32 or 2001:db8::1"),
        ("10.0.0.0/255.0.0.0", "prefix length as a number"),
        ("10.0.0.0/", "prefix length as a number"),
        ("10.0.0.0/+8", "prefix length as a number"),
        ("10.0.0.0/٨", "prefix length as a number"),
        ("10.0.0.0/33", "write 192.0.2.7"),
        ("10.0.0.1/33", "write 192.0.2.7"),
        ("010.0.0.0/8", "write 192.0.2.7"),
        ("10.0.0.0/8/8", "prefix length as a number"),
        ("mail.example.test", "write 192.0.2.7"),
        ("fe80::1%eth0", "has no zone"),
        ("", "write 192.0.2.7"),
        ("\x1b[31m", "write 192.0.2.7"),
    ],
)
def test_a_bad_entry_is_named(entry: str, advice: str) -> None:
    """The error shows the entry, made harmless, and the right one."""
    with pytest.raises(InputError) as caught:
        Networks.parse(["192.0.2.0/24", entry])

    assert advice in str(caught.value)
    assert entry in str(caught.value) or "\\x1b" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(
    st.lists(st.ip_addresses(v=4).flatmap(lambda a: st.integers(0, 32).map(lambda n: f"{a}/{n}")), max_size=8),
    st.ip_addresses(v=4),
)
def test_it_agrees_with_the_standard_library(entries: list[str], address: IPv4Address) -> None:
    """Membership is that of any of the networks."""
    networks = [IPv4Network(entry, strict=False) for entry in entries]

    assert (address in Networks(networks)) is any(address in network for network in networks)


def test_a_hundred_thousand_networks() -> None:
    """Large lists are read and asked, whatever overlaps in them."""
    chance = random.Random(7)
    networks: list[IPv4Network | IPv6Network] = [
        ip_network((chance.getrandbits(32) >> (32 - length) << (32 - length), length))
        for length in (chance.randint(12, 32) for _ in range(100_000))
    ]
    large = Networks(networks)

    assert all(network.network_address in large for network in networks[:1000])
    assert all(network.broadcast_address in large for network in networks[:1000])


def test_joined() -> None:
    """Whoever is in one of the parts is in the whole, of either family, however the parts overlap."""
    parts = [Networks.parse(["10.0.0.0/8"]), Networks.parse(["10.1.0.0/16", "2001:db8::/32"]), Networks()]
    whole = Networks.joined(parts)

    assert IPv4Address("10.255.0.1") in whole
    assert IPv6Address("2001:db8::1") in whole
    assert IPv4Address("11.0.0.1") not in whole
    assert not Networks.joined([])


@pytest.mark.parametrize(
    "network, overlaps",
    [
        ("10.0.0.0/8", True),
        ("0.0.0.0/0", True),
        ("192.0.2.6/31", True),
        ("192.0.2.8/29", False),
        ("2001:db8:0:1::/64", True),
        ("2001:db9::/64", False),
        ("::/0", True),
    ],
)
def test_overlap(network: str, overlaps: bool) -> None:
    """Whether any address of a network is in the set."""
    assert Networks.parse(PRIVATE).overlaps(ip_network(network)) is overlaps
    assert not Networks().overlaps(ip_network(network))
