"""MTA-STS policies fetched from real web servers on loopback, kept, and not taken away by who stands in between."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

import pytest

from mailward.client.sts import StsFound, StsPolicies
from mailward.errors import RouteError
from mailward.net.ports import Ports
from mailward.records.mta_sts import LONGEST, StsPolicy
from mailward.records.tls_rpt import Failure
from mailward.store.client_routes import ClientRoutes, KeptPolicy
from tests.support.certificates import authority, issue
from tests.support.domains import World, world
from tests.support.drivers import Driver, both_drivers
from tests.support.web_server import Talk, page, web_server

pytestmark = both_drivers

DOMAIN = "example.test"
WEB = "mta-sts.example.test"
ADDRESS = "8.8.8.8"
BODY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 600\n"
POLICY = StsPolicy("enforce", ("mx.example.test",), 600)
PAIR = issue((WEB,))


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().pem.decode())
    return context


@pytest.fixture
def around() -> Iterator[World]:
    with world() as made:
        made.names.zone[f"_mta-sts.{DOMAIN}", "TXT"] = (60, ['"v=STSv1; id=1;"'])
        yield made


def found(driver: Driver, around: World, book: ClientRoutes, *, within: float = 5.0) -> StsFound:
    async def flow(ports: Ports) -> StsFound:
        policies = StsPolicies(around.ports(ports), book, trusting(), around.dns)
        return await policies.of(DOMAIN, until=ports.now() + within)

    return driver.run(flow)


def test_fetched_once_and_kept(driver: Driver, around: World) -> None:
    """From its well-known place; again only when the record has another id."""
    book = ClientRoutes(None)
    with web_server(page(BODY), pair=PAIR) as server:
        around.host(WEB, ADDRESS, server.port)
        assert found(driver, around, book) == StsFound(POLICY)
        assert found(driver, around, book) == StsFound(POLICY)
        assert len(server.requests) == 1
        server.says = page(BODY.replace(b"600", b"700"))
        around.names.zone[f"_mta-sts.{DOMAIN}", "TXT"] = (60, ['"v=STSv1; id=2;"'])
        assert found(driver, around, book) == StsFound(StsPolicy("enforce", ("mx.example.test",), 700))

    assert server.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.test\r\n")
    assert around.reached == [(ADDRESS, 443)] * 2


def test_no_record(driver: Driver, around: World) -> None:
    """No web server is asked."""
    around.names.zone = {("other.test", "A"): (1, ["8.8.8.8"])}

    assert found(driver, around, ClientRoutes(None)) == StsFound()
    assert around.reached == []


def _drip(tls: ssl.SSLSocket) -> None:
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n")
    while True:
        tls.sendall(b"x")
        time.sleep(0.05)


C22: dict[str, tuple[bytes | Talk, Failure]] = {
    "redirect": (page(BODY, "Location: https://mta-sts.example.test/", status="301 Moved"), Failure.POLICY_FETCH),
    "missing": (page(BODY, status="404 Not Found"), Failure.POLICY_FETCH),
    "too long": (page(BODY + b"x: " + b"y" * (64 * 1024 + 1)), Failure.POLICY_FETCH),
    "gzip": (page(b"\x1f\x8b\x08" + b"\x00" * 90, "Content-Encoding: gzip"), Failure.POLICY_FETCH),
    "html": (page(BODY, media_type="text/html"), Failure.POLICY_INVALID),
    "no type": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Failure.POLICY_INVALID),
    "max_age": (page(BODY.replace(b"600", b"99999999999")), Failure.POLICY_INVALID),
    "no mx": (page(BODY.replace(b"mx: mx.example.test\n", b"")), Failure.POLICY_INVALID),
    "drip": (_drip, Failure.POLICY_FETCH),
}


@pytest.mark.parametrize("case", C22)
@pytest.mark.parametrize("kept", [True, False])
def test_what_is_no_policy(driver: Driver, around: World, case: str, kept: bool) -> None:
    """It counts as none, or leaves the one that is kept in force (row C22)."""
    says, failure = C22[case]
    book = ClientRoutes(None)
    if kept:
        book.keep_policy(DOMAIN, KeptPolicy("0", POLICY, fetched=time.time()))
    with web_server(says, pair=PAIR) as server:
        around.host(WEB, ADDRESS, server.port)
        assert found(driver, around, book, within=0.5) == StsFound(POLICY if kept else None, failure)
        assert found(driver, around, book, within=0.5) == StsFound(POLICY if kept else None, failure)

    assert len(server.requests) == 1  # not asked again at once (RFC 8461 §3.3)


def test_a_year_at_most(driver: Driver, around: World) -> None:
    """A max_age of more counts as a year; a key said twice counts once (row C22)."""
    body = BODY.replace(b"600", b"9999999999") + b"mode: none\nmax_age: 1\n"
    with web_server(page(body), pair=PAIR) as server:
        around.host(WEB, ADDRESS, server.port)
        policy = found(driver, around, ClientRoutes(None)).policy

    assert policy == StsPolicy("enforce", ("mx.example.test",), LONGEST)


def test_a_certificate_of_another(driver: Driver, around: World) -> None:
    """The web server must prove its name (row C22)."""
    with web_server(page(BODY), pair=issue(("other.test",))) as server:
        around.host(WEB, ADDRESS, server.port)
        assert found(driver, around, ClientRoutes(None)) == StsFound(None, Failure.WEB_CERTIFICATE)
    assert server.requests == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_name_that_leads_inside(driver: Driver, around: World, address: str) -> None:
    """It is not connected to (row C22)."""
    around.host(WEB, address, 9)

    assert found(driver, around, ClientRoutes(None)) == StsFound(None, Failure.POLICY_FETCH)
    assert around.reached == []


def test_a_mapped_address_that_leads_inside(driver: Driver, around: World) -> None:
    """Nor in the clothes of IPv6 (row C22)."""
    around.names.zone[WEB, "AAAA"] = (60, ["::ffff:10.0.0.1"])

    assert found(driver, around, ClientRoutes(None)) == StsFound(None, Failure.POLICY_FETCH)
    assert around.reached == []


def test_the_name_is_asked_once(driver: Driver, around: World) -> None:
    """What is connected to is what was looked at; there is no second answer to rebind it by (row C22)."""
    with web_server(page(BODY), pair=PAIR) as server:
        around.host(WEB, ADDRESS, server.port)
        found(driver, around, ClientRoutes(None))

    assert around.names.questions.count((WEB, "A")) == 1
    assert around.reached == [(ADDRESS, 443)]


def test_a_policy_that_is_over(driver: Driver, around: World) -> None:
    """It counts no more when it cannot be fetched again."""
    book = ClientRoutes(None)
    book.keep_policy(DOMAIN, KeptPolicy("1", POLICY, fetched=time.time() - 601))

    assert found(driver, around, book) == StsFound(None, Failure.POLICY_FETCH)


def test_the_record_gone_or_unanswered(driver: Driver, around: World) -> None:
    """Neither takes a kept policy away (RFC 8461 §5.1)."""
    book = ClientRoutes(None)
    book.keep_policy(DOMAIN, KeptPolicy("1", POLICY, fetched=time.time()))
    del around.names.zone[f"_mta-sts.{DOMAIN}", "TXT"]
    assert found(driver, around, book) == StsFound(POLICY)
    around.names.failing = {(f"_mta-sts.{DOMAIN}", "TXT")}
    assert found(driver, around, book) == StsFound(POLICY)


@pytest.mark.parametrize("how", ["failing", "bogus"])
def test_nobody_can_say(driver: Driver, around: World, how: str) -> None:
    """With nothing kept, no answer is no answer: it is tried again, and not taken for "no policy"."""
    setattr(around.names, how, {(f"_mta-sts.{DOMAIN}", "TXT")})
    with pytest.raises(RouteError, match="nobody can say") as caught:
        found(driver, around, ClientRoutes(None))

    assert caught.value.retryable
