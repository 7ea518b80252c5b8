"""Names asked of a real name server on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from ipaddress import ip_address

import dns.rcode
import pytest

from mailward.errors import DnsError
from mailward.guard.address_name import AddressName
from mailward.net.dns import Dns
from tests.support.name_server import NameServer


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        running.zone = {
            ("home.example.net", "A"): (600, ["192.0.2.7", "192.0.2.8"]),
            ("home.example.net", "AAAA"): (120, ["2001:db8::7"]),
            ("four.example.net", "A"): (3600, ["192.0.2.9"]),
            ("alias.example.net", "CNAME"): (40, ["home.example.net."]),
            ("text.example.net", "TXT"): (60, ['"nothing"']),
        }
        yield running


def ask(server: NameServer, name: str, *, within: float = 5.0) -> tuple[set[str], float]:
    resolve = Dns(["127.0.0.1"], port=server.port, within=within)
    addresses, ttl = asyncio.run(resolve(name))
    return {str(address) for address in addresses}, ttl


def test_both_families(server: NameServer) -> None:
    """A and AAAA are asked, and the shorter TTL holds for both."""
    assert ask(server, "home.example.net") == ({"192.0.2.7", "192.0.2.8", "2001:db8::7"}, 120)
    assert sorted(server.questions) == [("home.example.net", "A"), ("home.example.net", "AAAA")]


def test_one_family(server: NameServer) -> None:
    """The TTL is that of what there is."""
    assert ask(server, "four.example.net") == ({"192.0.2.9"}, 3600)


def test_an_alias(server: NameServer) -> None:
    """The TTL of the alias counts too."""
    assert ask(server, "alias.example.net") == ({"192.0.2.7", "192.0.2.8", "2001:db8::7"}, 40)


@pytest.mark.parametrize("name", ["text.example.net", "missing.example.net"])
def test_no_addresses(server: NameServer, name: str) -> None:
    """A name that has none, or is none, is an answer and no error."""
    assert ask(server, name) == (set(), 300)


def test_a_server_that_fails(server: NameServer) -> None:
    """SERVFAIL is no answer: it is an error that names the name."""
    server.rcode = dns.rcode.SERVFAIL
    with pytest.raises(DnsError, match=r"home\.example\.net does not resolve") as caught:
        ask(server, "home.example.net")

    assert caught.value.advice
    assert caught.value.retryable


def test_a_server_that_is_silent(server: NameServer) -> None:
    """Waiting has an end."""
    server.silent = True
    began = time.monotonic()
    with pytest.raises(DnsError):
        ask(server, "home.example.net", within=0.3)

    assert time.monotonic() - began < 2


def test_a_name_that_cannot_be_asked(server: NameServer) -> None:
    """A label that is too long never leaves."""
    with pytest.raises(DnsError):
        ask(server, "a" * 64 + ".example.net")
    assert server.questions == []


def test_an_entry_of_an_address_list(server: NameServer) -> None:
    """The two halves fit: a list's name takes its addresses from the server, and keeps them when it fails."""
    name, resolve = AddressName("home.example.net"), Dns(["127.0.0.1"], port=server.port)

    async def scenario() -> None:
        await name.refresh(resolve, 0)
        server.rcode = dns.rcode.SERVFAIL
        await name.refresh(resolve, 120)

    asyncio.run(scenario())
    assert ip_address("2001:db8::7") in name.networks
    assert "keeps the addresses" in name.fault
