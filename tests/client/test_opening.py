"""From nothing to a session: what is said on the way, and what is told when there is none."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from mailward import ConnectError, DnsError, InputError, ServiceUnavailable
from mailward.client.opening import open_session
from mailward.client.options import ClientOptions, Timeout, client_options
from mailward.client.session import Session
from mailward.client.tls_mode import INSECURE_PLAINTEXT, Endpoint, TlsMode
from mailward.net.ports import Ports
from tests.support.certificates import authority, good, issue
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Script, hostile_server
from tests.support.tcp import ipv6


def options_for(port: int, *, host: str = "127.0.0.1", **options: object) -> ClientOptions:
    return client_options(host, port, **{"ca": authority().pem, **options})  # type: ignore[arg-type]


async def open_and_end(ports: Ports, options: ClientOptions) -> Session:
    session = await open_session(options, ports, until=ports.now() + 5)
    await session.end()
    return session


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@both_drivers
@pytest.mark.parametrize("host", ["127.0.0.1", ipv6])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_secured_session(driver: Driver, host: str, tls: str) -> None:
    """Both ways to TLS, both families; the receipt of it names version, cipher, authority and pin."""
    with hostile_server(Script(tls=tls), host=host) as server:
        session = driver.run(lambda ports: open_and_end(ports, options_for(server.port, host=host, tls=tls)))

    assert session.tls is not None
    assert (session.tls.version, session.tls.verified_by) == ("TLSv1.3", "ca=")
    assert session.tls.pin.startswith("sha256/")
    expected = ["EHLO", "QUIT"] if tls == "implicit" else ["EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert server.verbs == expected


@both_drivers
@pytest.mark.parametrize("host", ["127.0.0.1", ipv6])
def test_we_are_named_by_our_address(driver: Driver, host: str) -> None:
    """An address literal needs no DNS; another name can be given."""
    with hostile_server(Script(), host=host) as server:
        options = options_for(server.port, host=host, tls=INSECURE_PLAINTEXT)
        driver.run(lambda ports: open_and_end(ports, options))
        named = options_for(server.port, host=host, tls=INSECURE_PLAINTEXT, ehlo_name="mail.example.test")
        driver.run(lambda ports: open_and_end(ports, named))

    literal = b"[127.0.0.1]" if host == "127.0.0.1" else b"[IPv6:::1]"
    assert server.heard == b"EHLO " + literal + b"\r\nQUIT\r\nEHLO mail.example.test\r\nQUIT\r\n"


@both_drivers
def test_helo_is_never_said(driver: Driver) -> None:
    """A server that does not know EHLO offers no security: it is left."""
    script = Script(says={"EHLO": b"502 5.5.1 HELO only\r\n"})
    with hostile_server(script) as server, pytest.raises(ServiceUnavailable, match="EHLO: 502") as caught:
        driver.run(lambda ports: open_and_end(ports, options_for(server.port, tls=INSECURE_PLAINTEXT)))

    assert server.verbs == ["EHLO", "QUIT"]
    assert not caught.value.retryable


@both_drivers
def test_the_next_endpoint_is_tried_when_tcp_fails(driver: Driver) -> None:
    """Where nothing was said of port or TLS: 465 first, then 587, both of them secure."""
    with hostile_server(Script(tls="starttls")) as server:
        options = with_endpoints((free_port(), TlsMode.IMPLICIT), (server.port, TlsMode.STARTTLS))
        session = driver.run(lambda ports: open_and_end(ports, options))

    assert session.tls is not None


@both_drivers
def test_no_other_endpoint_after_the_first_word(driver: Driver) -> None:
    """A port that answers and fails is the answer: what an attacker breaks is not gone round."""
    with hostile_server(Script(says={"": b"554 no\r\n"})) as bad, hostile_server(Script(tls="starttls")) as good_one:
        options = with_endpoints((bad.port, TlsMode.STARTTLS), (good_one.port, TlsMode.STARTTLS))
        with pytest.raises(ServiceUnavailable):
            driver.run(lambda ports: open_and_end(ports, options))

    assert good_one.connections == []


@both_drivers
def test_both_endpoints_failing_are_both_told(driver: Driver) -> None:
    """With host, port and reason of each."""
    first, second = free_port(), free_port()
    options = with_endpoints((first, TlsMode.IMPLICIT), (second, TlsMode.STARTTLS))
    with pytest.raises(ConnectError, match=rf"port {first}: .*refused; .*port {second}: .*refused"):
        driver.run(lambda ports: open_and_end(ports, options))


@both_drivers
def test_a_name_that_does_not_resolve_is_not_tried_twice(driver: Driver) -> None:
    """DNS says the same for every port."""
    with pytest.raises(DnsError, match=r"mail\.invalid"):
        driver.run(lambda ports: open_and_end(ports, client_options("mail.invalid")))


@both_drivers
def test_a_wrong_name_costs_one_silent_look(driver: Driver) -> None:
    """The names in the error come from a second handshake in which nothing is said."""
    script = Script(tls="starttls", pair=issue(("right.example",)))
    with hostile_server(script) as server, pytest.raises(Exception, match=r"it is for right\.example"):
        driver.run(lambda ports: open_and_end(ports, options_for(server.port)))

    assert [connection.verbs for connection in server.connections] == [["EHLO", "STARTTLS"], ["EHLO", "STARTTLS"]]
    assert not any(connection.inside for connection in server.connections)


@both_drivers
def test_a_name_matches_its_certificate(driver: Driver) -> None:
    """localhost is one of the names of the test certificate; any case of it, and a dot at its end."""

    async def flow(ports: Ports) -> None:
        for host in ("localhost", "LocalHost."):
            await open_and_end(ports, options_for(server.port, host=host, tls="implicit"))

    with hostile_server(Script(tls="implicit", pair=good())) as server:
        driver.run(flow)


@both_drivers
def test_the_servers_own_certificate_may_be_the_authority(driver: Driver) -> None:
    """`ca=` with just that certificate pins it."""
    pair = issue()
    with hostile_server(Script(tls="implicit", pair=pair)) as server:
        options = options_for(server.port, tls="implicit", ca=pair.pem)
        assert driver.run(lambda ports: open_and_end(ports, options)).tls is not None


def test_a_bad_authority_is_told_before_anything_is_opened() -> None:
    """A mistake of ours needs no server."""
    with pytest.raises(InputError):
        options_for(1, ca=b"junk")


def with_endpoints(*endpoints: tuple[int, TlsMode]) -> ClientOptions:
    given = client_options("127.0.0.1", ca=authority().pem, timeout=Timeout(connect=2))
    return replace(given, endpoints=tuple(Endpoint("127.0.0.1", port, mode) for port, mode in endpoints))
