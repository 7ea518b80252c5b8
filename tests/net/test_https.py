"""HTTPS on both drivers against real TLS servers on loopback; what leads inside or does not end is refused."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mailward.errors import (
    CertificateError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    DnsError,
    InputError,
    InvalidUrl,
    ProtocolError,
    TlsError,
)
from mailward.net.https import HttpAnswer, request
from mailward.net.ports import Ports
from mailward.net.query import Dns
from tests.support.certificates import authority, issue
from tests.support.domains import Translating
from tests.support.drivers import Driver, both_drivers
from tests.support.name_server import NameServer
from tests.support.web_server import Talk, page, web_server

pytestmark = both_drivers


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().pem.decode())
    return context


def fetch(driver: Driver, port: int, **how: Any) -> HttpAnswer:
    how = {"within": 5, "context": trusting(), **how}
    return driver.run(lambda ports: request(ports, f"https://127.0.0.1:{port}/token?x=1", **how))


def test_an_answer(driver: Driver) -> None:
    """Status, header fields by lower-case names, and the body; the request is what was asked, and closes."""
    with web_server(page(b'{"a": 1}', "X-One: 1", "X-One: 2", media_type="application/JSON; charset=utf-8")) as server:
        answer = fetch(driver, server.port, method="POST", headers={"X-Mine": "yes"}, body=b"a=b")

    assert (answer.status, answer.body, answer.media_type) == (200, b'{"a": 1}', "application/json")
    assert answer.headers["x-one"] == "1, 2"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /token?x=1 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}".encode(), b"X-Mine: yes", b"Content-Length: 3"} <= set(lines)
    assert {b"Accept-Encoding: identity", b"Connection: close"} <= set(lines)
    assert body == b"a=b"


def test_a_body_in_chunks_and_one_until_the_end(driver: Driver) -> None:
    """Both other ways to say where a body ends."""
    with web_server(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as server:
        assert fetch(driver, server.port).body == b"abcde"
        server.says = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
        assert fetch(driver, server.port).body == b"until the end"


def test_a_redirect_is_an_answer(driver: Driver) -> None:
    """It is told, and not followed."""
    with web_server(page(b"", "Location: https://127.0.0.1/", status="301 Moved")) as server:
        assert fetch(driver, server.port).status == 301
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [1000, 1001])
def test_too_long_a_body(driver: Driver, size: int) -> None:
    """One octet more than allowed is refused, whatever way it comes."""
    with web_server(page(b"x" * size)) as server:
        if size == 1000:
            assert len(fetch(driver, server.port, most=1000).body) == 1000
            return
        with pytest.raises(ProtocolError, match="more than 1000 octets"):
            fetch(driver, server.port, most=1000)


def _endless(head: bytes, more: bytes) -> Talk:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.sendall(head)
        while True:
            tls.sendall(more)

    return talk


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (
            _endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"),
            "octets",
        ),
        (_endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100), "broke HTTP"),
        (_endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "1xx"),
        (page(b"\x1f\x8b", "Content-Encoding: gzip"), "compressed"),
        (b"220 mail.example.test ESMTP\r\n", "broke HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "broke HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc", "broke HTTP|closed"),
    ],
    ids=["body", "headers", "interim", "gzip", "smtp", "lengths", "short"],
)
def test_answers_that_are_refused(driver: Driver, says: bytes | Talk, error: str) -> None:
    """What has no end, is compressed, or is no HTTP."""
    with web_server(says) as server, pytest.raises((ProtocolError, ConnectionLost), match=error):
        fetch(driver, server.port)


def test_no_answer_at_all(driver: Driver) -> None:
    """A server that closes has lost the connection."""
    with web_server(b"") as server, pytest.raises((ConnectionLost, ProtocolError)):
        fetch(driver, server.port)


def test_a_drip_ends_in_time(driver: Driver) -> None:
    """`within` holds for the whole, however often an octet comes."""

    def drip(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            tls.sendall(b"x")
            time.sleep(0.05)

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DeadlineExceeded):
            await request(ports, f"https://127.0.0.1:{server.port}/", within=0.4, context=trusting())
        return ports.now() - begun

    with web_server(drip) as server:
        assert 0.35 < driver.run(flow) < 0.8


def test_a_certificate_of_another(driver: Driver) -> None:
    """It is refused, and nothing is asked."""
    with web_server(b"", pair=issue(("other.test",))) as server, pytest.raises(CertificateError):
        fetch(driver, server.port)
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.test/",
        "ftp://127.0.0.1/",
        "https://",
        "https://user:pw@example.test/",
        "https://example.test:x/",
        "https://exa mple.test/",
        "https://example.test/\r\nX: y",
        "https://[::1/",
    ],
)
def test_urls_that_are_refused(driver: Driver, url: str) -> None:
    """https only, without a user, in ASCII."""
    with pytest.raises(InvalidUrl):
        driver.run(lambda ports: request(ports, url, within=1, context=trusting()))


def test_a_header_that_cannot_be_sent(driver: Driver) -> None:
    """It is refused before anything is opened, and its value is not shown."""
    with pytest.raises(InputError, match="header field") as caught:
        fetch(driver, 9, headers={"Authorization": "Bearer s3cret\r\nX: y"})

    assert "s3cret" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_clear_text_to_loopback(driver: Driver) -> None:
    """http reaches a server on this machine, which says something else than HTTP here because it wants TLS."""
    with web_server(b"") as server, pytest.raises((ConnectionLost, ProtocolError, TlsError)):
        driver.run(lambda ports: request(ports, f"http://127.0.0.1:{server.port}/", within=5, context=trusting()))


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as running:
        running.zone = {("mta-sts.example.test", "A"): (60, ["8.8.4.4", "8.8.8.8"])}
        yield running


def guarded(driver: Driver, names: NameServer, url: str, port: int = 9) -> tuple[HttpAnswer, list[tuple[str, int]]]:
    async def flow(ports: Ports) -> tuple[HttpAnswer, list[tuple[str, int]]]:
        translating = Translating(ports, {"8.8.4.4": port, "8.8.8.8": port})
        dns = Dns(("127.0.0.1",), port=names.port)
        answer = await request(translating, url, within=5, context=trusting(), public_only=True, dns=dns)
        return answer, translating.reached

    return driver.run(flow)


def test_public_only(driver: Driver, names: NameServer) -> None:
    """The name is asked once, and what is connected to is the answer itself: it cannot change in between."""
    with web_server(page(b"policy"), pair=issue(("mta-sts.example.test",))) as server:
        answer, reached = guarded(driver, names, "https://mta-sts.example.test/", server.port)

    assert answer.body == b"policy"
    assert reached in ([("8.8.4.4", 443)], [("8.8.8.8", 443)])
    assert b"\r\nHost: mta-sts.example.test\r\n" in server.requests[0]
    assert sorted(names.questions) == [("mta-sts.example.test", "A"), ("mta-sts.example.test", "AAAA")]


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("A", "127.0.0.1"),
        ("A", "169.254.169.254"),
        ("A", "10.0.0.1"),
        ("AAAA", "::ffff:10.0.0.1"),
        ("AAAA", "::1"),
        ("AAAA", "64:ff9b::a9fe:a9fe"),
    ],
)
def test_a_name_that_leads_inside(driver: Driver, names: NameServer, kind: str, address: str) -> None:
    """One such address is enough, even beside good ones."""
    data = [address] if kind == "AAAA" else ["8.8.8.8", address]
    names.zone["mta-sts.example.test", kind] = (60, data)
    with pytest.raises(ConnectError, match="not an address of the Internet"):
        guarded(driver, names, "https://mta-sts.example.test/")


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://[::1]/"])
def test_an_address_that_leads_inside(driver: Driver, names: NameServer, url: str) -> None:
    """Said without a name, it is refused as well."""
    with pytest.raises(ConnectError, match="not an address of the Internet"):
        guarded(driver, names, url)


def test_names_without_an_address_and_forged_ones(driver: Driver, names: NameServer) -> None:
    """Neither is connected to."""
    names.bogus = {("mta-sts.example.test", "A")}
    with pytest.raises(DnsError, match="forged"):
        guarded(driver, names, "https://mta-sts.example.test/")
    with pytest.raises(DnsError, match="no address"):
        guarded(driver, names, "https://missing.test/")
