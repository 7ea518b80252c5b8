"""Routes from a real name server on loopback: DANE where DNSSEC vouches for all of it, deferral where it objects."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mailward.client.plan import Need, Route
from mailward.client.route import find_route
from mailward.client.sts import StsPolicies
from mailward.errors import RouteError
from mailward.net.ports import Ports
from mailward.records.mta_sts import StsPolicy
from mailward.store.client_routes import ClientRoutes, KeptPolicy
from tests.support.certificates import issue
from tests.support.domains import World, world
from tests.support.drivers import Driver, both_drivers
from tests.support.web_server import page, web_server

pytestmark = both_drivers

EE = "3 1 1 " + "ab" * 32


@pytest.fixture
def around() -> Iterator[World]:
    with world() as made:
        made.mx("example.test", "mx1.example.test", "mx2.example.test")
        made.host("mx1.example.test", "192.0.2.1")
        made.host("mx2.example.test", "192.0.2.2")
        yield made


def route(driver: Driver, around: World, domain: str = "example.test", *, book: ClientRoutes | None = None) -> Route:
    options = around.options()

    async def flow(ports: Ports) -> Route:
        there = around.ports(ports)
        policies = StsPolicies(there, book or options.book, options.trust.context, options.dns)
        return await find_route(domain, there, policies, dns=options.dns, until=ports.now() + 5)

    return driver.run(flow)


def needs(route: Route) -> list[tuple[str, Need]]:
    return [(hop.host, hop.need) for hop in route.hops]


def test_without_any_policy(driver: Driver, around: World) -> None:
    """The hosts in order of preference, with their addresses, and encryption."""
    around.names.zone["mx1.example.test", "AAAA"] = (60, ["2001:db8::1"])
    planned = route(driver, around)

    assert needs(planned) == [("mx1.example.test", Need.ENCRYPTED), ("mx2.example.test", Need.ENCRYPTED)]
    assert planned.hops[0].addresses == ("2001:db8::1", "192.0.2.1")
    assert not planned.secure


def test_no_mx(driver: Driver, around: World) -> None:
    """The domain itself."""
    around.host("plain.test", "192.0.2.9")

    assert needs(route(driver, around, "plain.test")) == [("plain.test", Need.ENCRYPTED)]


def test_null_mx_and_no_domain(driver: Driver, around: World) -> None:
    """For good, with the codes of RFC 7505 and RFC 3463; no other way is looked for."""
    around.names.zone["null.test", "MX"] = (60, ["0 ."])
    around.host("null.test", "192.0.2.9")
    for domain, code in (("null.test", "5.1.10"), ("missing.test", "5.1.2")):
        with pytest.raises(RouteError) as caught:
            route(driver, around, domain)
        assert (caught.value.enhanced_code, caught.value.retryable) == (code, False)


def test_an_address(driver: Driver, around: World) -> None:
    """[192.0.2.1] needs no DNS."""
    assert route(driver, around, "[192.0.2.1]").hops[0].addresses == ("192.0.2.1",)
    assert route(driver, around, "[IPv6:2001:db8::1]").hops[0].addresses == ("2001:db8::1",)
    assert around.names.questions == []
    with pytest.raises(RouteError, match="no address"):
        route(driver, around, "[x]")


def test_dane(driver: Driver, around: World) -> None:
    """MX, addresses and TLSA signed: the host is held to its key, and no web server is asked when all are."""
    around.names.signed = {"example.test"}
    for host in ("mx1.example.test", "mx2.example.test"):
        around.tlsa(host, EE)
    planned = route(driver, around)

    assert needs(planned) == [("mx1.example.test", Need.DANE), ("mx2.example.test", Need.DANE)]
    assert planned.hops[0].names == ("mx1.example.test", "example.test")
    assert planned.secure
    assert ("_mta-sts.example.test", "TXT") not in around.names.questions


@pytest.mark.parametrize("unsigned", ["example.test", "mx1.example.test", "_25._tcp.mx1.example.test"])
def test_dane_needs_dnssec(driver: Driver, around: World, unsigned: str) -> None:
    """An unsigned MX, an unsigned address and unsigned TLSA records make none of it count (row C23)."""
    around.names.signed = {"example.test"}
    around.tlsa("mx1.example.test", EE)
    assert route(driver, around).hops[0].need is Need.DANE
    around.names.unsigned = {unsigned}
    assert route(driver, around).hops[0].need is Need.ENCRYPTED


def test_a_signed_host_without_records(driver: Driver, around: World) -> None:
    """Beside one with them: each by itself, and MTA-STS is asked for."""
    around.names.signed = {"example.test"}
    around.tlsa("mx1.example.test", EE)

    assert [hop.need for hop in route(driver, around).hops] == [Need.DANE, Need.ENCRYPTED]
    assert ("_mta-sts.example.test", "TXT") in around.names.questions


@pytest.mark.parametrize("how", ["failing", "bogus"])
@pytest.mark.parametrize(
    "question",
    [("mx1.example.test", "A"), ("_25._tcp.mx1.example.test", "TLSA")],
    ids=["address", "TLSA"],
)
def test_a_host_nobody_vouches_for(driver: Driver, around: World, how: str, question: tuple[str, str]) -> None:
    """Forged or unanswered: it is not used without its records; the next one is (row C23)."""
    around.names.signed = {"example.test"}
    setattr(around.names, how, {question})
    planned = route(driver, around)

    assert [hop.host for hop in planned.hops] == ["mx2.example.test"]
    assert planned.refused[0].startswith("mx1.example.test: ")


@pytest.mark.parametrize("how", ["failing", "bogus"])
def test_a_domain_nobody_vouches_for(driver: Driver, around: World, how: str) -> None:
    """No answer about the MX is not "no MX": it is tried again (row C23)."""
    setattr(around.names, how, {("example.test", "MX")})
    around.host("example.test", "192.0.2.9")
    with pytest.raises(RouteError) as caught:
        route(driver, around)

    assert caught.value.retryable


def test_all_forged(driver: Driver, around: World) -> None:
    """With no host left it is tried again."""
    around.names.bogus = {("mx1.example.test", "A"), ("mx2.example.test", "A")}
    with pytest.raises(RouteError, match="forged") as caught:
        route(driver, around)

    assert caught.value.retryable


def test_a_host_that_is_an_alias(driver: Driver, around: World) -> None:
    """Its TLSA records are looked for at the end of the signed aliases, then at itself (RFC 7672 §2.2.2, row C23)."""
    around.names.zone["mx1.example.test", "CNAME"] = (60, ["real.example.test."])
    del around.names.zone["mx1.example.test", "A"]
    around.host("real.example.test", "192.0.2.5")
    around.names.signed = {"example.test"}
    around.tlsa("mx1.example.test", EE)
    assert route(driver, around).hops[0].names == ("mx1.example.test", "example.test")
    around.tlsa("real.example.test", EE)
    planned = route(driver, around)

    assert planned.hops[0].need is Need.DANE
    assert planned.hops[0].names == ("real.example.test", "mx1.example.test", "example.test")


def test_an_alias_to_what_is_not_signed(driver: Driver, around: World) -> None:
    """The alias itself is signed, and so may be the records beside it; without its signature there is no DANE."""
    around.names.zone["mx1.example.test", "CNAME"] = (60, ["real.other.test."])
    del around.names.zone["mx1.example.test", "A"]
    around.host("real.other.test", "192.0.2.5")
    around.tlsa("real.other.test", EE)
    around.tlsa("mx1.example.test", EE)
    around.names.signed = {"example.test"}
    assert route(driver, around).hops[0].names == ("mx1.example.test", "example.test")
    del around.names.zone["_25._tcp.mx1.example.test", "TLSA"]
    assert route(driver, around).hops[0].need is Need.ENCRYPTED


def test_mta_sts(driver: Driver, around: World) -> None:
    """The policy of the web server names the host that may be used."""
    around.names.zone["_mta-sts.example.test", "TXT"] = (60, ['"v=STSv1; id=1;"'])
    body = b"version: STSv1\nmode: enforce\nmx: mx2.example.test\nmax_age: 600\n"
    with web_server(page(body), pair=issue(("mta-sts.example.test",))) as server:
        around.host("mta-sts.example.test", "8.8.8.8", server.port)
        planned = route(driver, around)

    assert needs(planned) == [("mx2.example.test", Need.MTA_STS)]


def test_a_kept_policy(driver: Driver, around: World) -> None:
    """It holds where the record is gone, so that stripping it does not help."""
    book = ClientRoutes(None)
    book.keep_policy("example.test", KeptPolicy("1", StsPolicy("enforce", ("*.example.test",), 600), time.time()))

    assert [hop.need for hop in route(driver, around, book=book).hops] == [Need.MTA_STS] * 2
