"""Countries and autonomous systems, asked of databases in the real format by the real reader."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path

import maxminddb
import pytest

from mailward.errors import InvalidConfig
from mailward.guard.geo import GeoDatabase
from tests.support.geo_database import write_database

GERMANY = {"country": {"iso_code": "DE", "names": {"en": "Germany"}}, "registered_country": {"iso_code": "FR"}}
COUNTRIES: dict[str, object] = {
    "192.0.2.0/24": GERMANY,
    "198.51.100.0/25": {"registered_country": {"iso_code": "fr"}},
    "203.0.113.0/24": {"country": {"names": {"en": "Nowhere"}}},
    "2001:db8::/32": {"country": "NL"},
}
SYSTEMS: dict[str, object] = {
    "192.0.2.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"},
    "2001:db8::/32": {"asn": "AS64501"},
}


@pytest.fixture
def database(tmp_path: Path) -> GeoDatabase:
    opened = GeoDatabase(
        write_database(tmp_path / "country.mmdb", COUNTRIES, kind="Test-Country"),
        write_database(tmp_path / "asn.mmdb", SYSTEMS, kind="Test-ASN"),
    )
    opened.load()
    return opened


@pytest.mark.parametrize(
    "address,place",
    [
        ("192.0.2.7", ("DE", 64500)),
        ("::ffff:192.0.2.7", ("DE", 64500)),
        ("198.51.100.127", ("FR", 0)),
        ("198.51.100.128", ("", 0)),
        ("203.0.113.1", ("", 0)),
        ("2001:db8:1::1", ("NL", 64501)),
        ("2001:db9::1", ("", 0)),
    ],
)
def test_place(database: GeoDatabase, address: str, place: tuple[str, int]) -> None:
    """The databases are asked together, in the forms in which several vendors write their records."""
    assert database.place(ip_address(address)) == place
    assert database.place(ip_address(address)) == place


@pytest.mark.parametrize("address", ["::192.0.2.7", "2002:c000:207::", "64:ff9b::c000:207"])
def test_ipv4_inside_ipv6_is_nowhere(database: GeoDatabase, tmp_path: Path, address: str) -> None:
    """S62: the database answers for an IPv4 address that anyone can put into an IPv6 one; we do not ask it."""
    with maxminddb.open_database(tmp_path / "country.mmdb") as reader:
        assert "64:" in address or reader.get(address) == GERMANY
    assert database.place(ip_address(address)) == ("", 0)


def test_a_new_database_is_read(database: GeoDatabase, tmp_path: Path) -> None:
    """A database that is replaced is read anew, what was remembered is forgotten; one that is not is not."""
    assert database.place(ip_address("192.0.2.7"))[0] == "DE"
    assert not database.look()
    write_database(tmp_path / "new", {"192.0.2.0/24": {"country": {"iso_code": "AT"}}}, kind="Test-Country")
    (tmp_path / "new").replace(tmp_path / "country.mmdb")

    assert database.look()
    assert database.place(ip_address("192.0.2.7")) == ("AT", 64500)


def test_a_broken_database_keeps_the_old_one(database: GeoDatabase, tmp_path: Path) -> None:
    """Overwritten in place with rubbish, or gone: the content read before answers on, and the fault is told."""
    country = tmp_path / "country.mmdb"
    for spoil in (lambda: country.write_bytes(b"rubbish"), country.unlink):
        spoil()

        assert not database.look()
        assert len(database.faults) == 1
        assert "country.mmdb" in str(database.faults[0])
        assert database.place(ip_address("192.0.2.7")) == ("DE", 64500)


@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0"])
def test_a_bad_database_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, of another kind, cut short: a clear error that names the file and what to do."""
    path = tmp_path / "geo.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidConfig, match=r"geo\.mmdb") as caught:
        GeoDatabase(path).load()

    assert ".mmdb" in caught.value.advice


def test_not_a_regular_file(tmp_path: Path) -> None:
    """A pipe would make the server wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidConfig, match="regular file"):
        GeoDatabase(tmp_path / "pipe").load()


def test_damaged_inside(tmp_path: Path) -> None:
    """A database whose data is damaged knows nothing of what is there, and no more happens."""
    path = write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": GERMANY}, kind="Test-Country")
    octets = path.read_bytes()
    at = octets.index(b"country") - 2
    path.write_bytes(octets[:at] + b"\x3f\xff\xff\xff" + octets[at + 4 :])
    database = GeoDatabase(path)
    database.load()

    assert database.place(ip_address("192.0.2.7")) == ("", 0)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that has the library is named."""
    path = write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": GERMANY}, kind="Test-Country")
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(InvalidConfig, match="maxminddb") as caught:
        GeoDatabase(path).load()

    assert "geoip" in caught.value.advice


def test_many_addresses_are_not_all_remembered(database: GeoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded, and forgetting changes no answer."""
    monkeypatch.setattr("mailward.guard.geo._REMEMBERED", 10)
    for number in range(100):
        assert database.place(ip_address(f"192.0.2.{number}"))[0] == "DE"
    assert len(database._places) <= 10
