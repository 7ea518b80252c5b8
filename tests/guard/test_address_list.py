"""Lists as an operator writes them, and what becomes of them while the server runs."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import DnsError
from mailward.guard.address_list import EVERY, AddressList, InvalidAddressList
from mailward.guard.geo import GeoDatabase
from mailward.guard.source import Source, canonical_source
from tests.support.geo_database import write_database


async def unresolved(name: str) -> tuple[Sequence[Source], float]:
    raise DnsError(f"{name} does not resolve: SERVFAIL")


async def resolved(_name: str) -> tuple[Sequence[Source], float]:
    return (ip_address("203.0.113.9"), ip_address("2001:db8:9::9")), 60.0


@pytest.fixture
def office(tmp_path: Path) -> Path:
    path = tmp_path / "office.cidr"
    path.write_text("198.51.100.0/24\n")
    return path


@pytest.fixture
def everything(tmp_path: Path, office: Path) -> AddressList:
    """A list with an entry of each kind."""
    records: dict[str, object] = {
        "192.88.0.0/16": {"country": {"iso_code": "DE"}},
        "192.89.0.0/16": {"autonomous_system_number": 64500},
    }
    database = GeoDatabase(write_database(tmp_path / "geo.mmdb", records, kind="Test"))
    entries = ["192.0.2.0/24", f"file:{office.name}", "dns:home.example.net", "ASN:as64500", "country:de", "::1"]
    found = AddressList.parse(entries, base=tmp_path, database=database, key="allowlist.networks")
    found.load()
    return found


def test_every_kind(everything: AddressList) -> None:
    """Each kind of entry has its addresses in, and can be told by the entry."""
    asyncio.run(everything.refresh(resolved, 0))
    told = {
        address: everything.entry_of(ip_address(address))
        for address in ("192.0.2.7", "198.51.100.7", "203.0.113.9", "2001:db8:9::9", "192.88.1.1", "192.89.1.1", "::1")
    }

    assert all(ip_address(address) in everything for address in told)
    assert [str(entry).partition("/")[0] for entry in told.values()] == [
        "192.0.2.0",
        "file:",
        "dns:home.example.net",
        "dns:home.example.net",
        "country:DE",
        "asn:64500",
        "::1",
    ]
    for address in ("203.0.113.8", "192.90.0.1", "2001:db8:9::8"):
        assert ip_address(address) not in everything
        assert everything.entry_of(ip_address(address)) is None


def test_a_file_is_followed(everything: AddressList, office: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A changed file counts after the next look; a bad one keeps the old content and is told once, and once its end."""
    caplog.set_level(logging.INFO, logger="mailward.guard")

    asyncio.run(everything.refresh(resolved, 0))
    assert not everything.due(EVERY - 0.1)
    office.write_text("198.51.101.0/24\n")
    assert ip_address("198.51.101.1") not in everything
    assert everything.due(EVERY)
    asyncio.run(everything.refresh(resolved, EVERY))
    assert ip_address("198.51.101.1") in everything
    assert ip_address("198.51.100.1") not in everything
    office.write_text("198.51.102.0/24\nrubbish\n")
    for turn in range(2, 5):
        asyncio.run(everything.refresh(resolved, turn * EVERY))
    assert ip_address("198.51.101.1") in everything
    (fault,) = everything.faults()
    assert "office.cidr:2: 'rubbish' is not a network" in fault
    assert [record.message for record in caplog.records] == [f"allowlist.networks: {fault}"]
    office.write_text("198.51.102.0/24\n")
    asyncio.run(everything.refresh(resolved, 6 * EVERY))

    assert ip_address("198.51.102.1") in everything
    assert everything.faults() == ()
    assert caplog.records[-1].message == "allowlist.networks: in order again"


def test_a_name_that_does_not_resolve(everything: AddressList) -> None:
    """It is told, and the other entries are what they were."""
    asyncio.run(everything.refresh(unresolved, 0))

    assert "home.example.net is not resolved yet" in everything.faults()[0]
    assert ip_address("192.0.2.7") in everything


def test_a_broken_database(everything: AddressList, tmp_path: Path) -> None:
    """It is told, and the old one answers on."""
    (tmp_path / "geo.mmdb").unlink()
    asyncio.run(everything.refresh(resolved, 0))

    assert "geo.mmdb" in everything.faults()[0]
    assert ip_address("192.88.0.1") in everything


def test_networks_alone_are_never_due() -> None:
    """A list that cannot change costs nothing after its first look."""
    fixed = AddressList.parse(["192.0.2.0/24"], base=Path())
    asyncio.run(fixed.refresh(unresolved, 0))

    assert not fixed.due(1e9)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Reading the entries names each wrong one, and what to write instead."""
    entries = [
        "192.0.2.1/24",
        "file:",
        "dns:a b",
        "asn:0",
        "asn:4294967296",
        "country:Germany",
        "host.test",
        "10.0.0.0/8",
    ]
    with pytest.raises(InvalidAddressList, match=r"and 7 more") as caught:
        AddressList.parse(entries, base=tmp_path, key="allowlist.networks")

    assert len(caught.value.faults) == 8
    assert "192.0.2.0/24" in caught.value.advice
    assert caught.value.key == "allowlist.networks"
    told = " ".join(map(str, caught.value.faults))
    for right in ("file:office.cidr", "dns:home.example.net", "asn:64500", "country:DE", "geo_database"):
        assert right in told


def test_loading_tells_every_bad_file(tmp_path: Path) -> None:
    """All files are read before the first fault is told, with file and line."""
    (tmp_path / "one").write_text("x\ny\n")
    bad = AddressList.parse(
        ["file:one", "file:two", "country:DE"], base=tmp_path, database=GeoDatabase(tmp_path / "db")
    )
    with pytest.raises(InvalidAddressList) as caught:
        bad.load()

    assert [(Path(fault.file).name, fault.line) for fault in caught.value.faults] == [
        ("one", 1),
        ("one", 2),
        ("two", None),
        ("db", None),
    ]
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "one"), 1)


def test_an_empty_list(tmp_path: Path) -> None:
    """Nobody is in it; one whose file is empty was written all the same."""
    (tmp_path / "nobody").write_text("# nobody yet\n")
    empty, written = (AddressList.parse(each, base=tmp_path) for each in ([], ["file:nobody"]))
    written.load()

    assert not empty
    assert written
    assert ip_address("127.0.0.1") not in written


networks = st.lists(st.ip_addresses(v=4).flatmap(lambda a: st.integers(0, 32).map(lambda n: f"{a}/{n}")), max_size=4)


@given(networks, st.ip_addresses(v=4))
def test_only_mapped_is_ipv4(entries: list[str], address: IPv4Address) -> None:
    """S62: v4-mapped, with and without a zone, is that IPv4 address; no other form that holds it ever is."""
    number, found = int(address), [str(IPv4Network(entry, strict=False)) for entry in entries]
    addresses = AddressList.parse(found, base=Path())
    mapped = IPv6Address(0xFFFF << 32 | number)

    assert (canonical_source(f"::ffff:{address}") in addresses) is (address in addresses)
    assert (canonical_source(f"{mapped}%eth0") in addresses) is (address in addresses)
    assert (mapped in addresses) is (address in addresses)
    for wrapped in (number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80, 0x20010000 << 96 | number):
        assert canonical_source(str(IPv6Address(wrapped))) not in addresses


def test_a_hundred_thousand_networks(tmp_path: Path) -> None:
    """A question takes less than two millionths of a second of the processor, median of many."""
    chance = random.Random(7)
    lengths = [chance.randint(16, 32) for _ in range(100_000)]
    numbers = [chance.getrandbits(32) >> 32 - length << 32 - length for length in lengths]
    lines = [f"{IPv4Address(number)}/{length}\n" for number, length in zip(numbers, lengths, strict=True)]
    (tmp_path / "large").write_text("".join(lines))
    large = AddressList.parse(["file:large", "2001:db8::/32"], base=tmp_path)
    large.load()
    asked = [IPv4Address(chance.getrandbits(32)) for _ in range(10_000)]
    took = []
    for _ in range(9):
        began = time.process_time()
        for address in asked:
            address in large  # noqa: B015
        took.append((time.process_time() - began) / len(asked))

    assert all(IPv4Address(number) in large for number in numbers[:1000])
    assert sorted(took)[4] < 2e-6


def test_overlap(tmp_path: Path) -> None:
    """A network with one address of a file or of a written network in it."""
    (tmp_path / "office.cidr").write_text("2001:db8::25\n")
    found = AddressList.parse(["file:office.cidr", "192.0.2.7"], base=tmp_path)
    found.load()

    assert found.overlaps(ip_network("2001:db8::/64"))
    assert found.overlaps(ip_network("192.0.2.0/24"))
    assert not found.overlaps(ip_network("2001:db8:0:1::/64"))
