"""Through proxies, on both drivers: what they may do, and what they learn (row C21)."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailward.client.proxies import Proxies, Proxy
from mailward.client.tunnel import Tunnel
from mailward.errors import (
    CertificateError,
    DeadlineExceeded,
    DnsError,
    InputError,
    MailwardError,
    ProxyError,
    TlsError,
)
from mailward.net.ports import Ports, Resolve
from tests.support.certificates import authority, good, issue
from tests.support.drivers import Driver, both_drivers
from tests.support.proxy_server import proxy_server
from tests.support.sending import LOGIN, SECRETS, Face
from tests.support.tcp import tcp_server

CA = authority().pem


def greet(sock: socket.socket) -> None:
    sock.sendall(b"220 hello\r\n")
    sock.recv(100)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def tunnel(
    driver: Driver,
    proxies: Sequence[Proxy | str],
    port: int,
    *,
    host: str = "127.0.0.1",
    server_first: bool = True,
    within: float = 5,
    resolve: Resolve | None = None,
) -> bytes:
    """The first octets that come through."""

    async def flow(ports: Ports) -> bytes:
        through = Proxies.of(list(proxies), environment={})
        assert through is not None
        way = Tunnel(through, ports, until=ports.now() + within, resolve=resolve)
        stream = await way.reach(host, port, server_first=server_first)
        if not server_first:
            await stream.write(b"220 hello\r\n", within=5)
        data = await stream.read(100, within=5)
        await stream.close()
        return data

    return driver.run(flow)


@both_drivers
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_one_proxy(driver: Driver, kind: str) -> None:
    """The name is for the proxy to look up, and the server's first word is not lost."""
    with tcp_server(greet) as server, proxy_server(kind) as proxy:
        data = tunnel(driver, [f"{kind}://127.0.0.1:{proxy.port}"], server.port, host="localhost")

    assert data == b"220 hello\r\n"
    assert proxy.asked == [f"localhost:{server.port}"]


@both_drivers
def test_a_chain_with_tls_inside_tls(driver: Driver) -> None:
    """SOCKS to an HTTPS proxy to another one: each is asked for the next, the second TLS runs inside the first."""
    with (
        tcp_server(echo) as server,
        proxy_server("http", pair=good()) as last,
        proxy_server("http", pair=good()) as middle,
        proxy_server("socks5") as first,
    ):
        chain: list[Proxy | str] = [
            f"socks5://127.0.0.1:{first.port}",
            Proxy(f"https://127.0.0.1:{middle.port}", ca=CA),
            Proxy(f"https://localhost:{last.port}", ca=CA),
        ]
        data = tunnel(driver, chain, server.port, server_first=False)

    assert data == b"220 hello\r\n"
    assert first.asked == [f"127.0.0.1:{middle.port}"]
    assert middle.asked == [f"localhost:{last.port}"]
    assert last.asked == [f"127.0.0.1:{server.port}"]
    assert b"CONNECT" not in first.heard + middle.heard
    assert last.heard == b"220 hello\r\n"


@both_drivers
def test_an_https_proxy_must_be_who_it_says(driver: Driver) -> None:
    """A certificate of nobody we know, or for another name, ends it before a word, and so does no TLS at all."""
    wrong = issue(("other.example",))
    with proxy_server("http", pair=good()) as unknown, proxy_server("http", pair=wrong) as other:
        with pytest.raises(CertificateError, match=f"the proxy https://127.0.0.1:{unknown.port}") as caught:
            tunnel(driver, [f"https://ann:hunter2@127.0.0.1:{unknown.port}"], 25)
        with pytest.raises(CertificateError):
            tunnel(driver, [Proxy(f"https://127.0.0.1:{other.port}", ca=CA)], 25)
    with tcp_server(greet) as plain, pytest.raises(TlsError, match="the proxy https://"):
        tunnel(driver, [Proxy(f"https://127.0.0.1:{plain.port}", ca=CA)], 25)

    assert "ca=" in caught.value.advice
    assert unknown.asked == other.asked == []


@both_drivers
def test_octets_before_ours(driver: Driver) -> None:
    """C21: where we speak first, in TLS or to the next proxy, what is here already is refused."""
    with tcp_server(echo, connections=2) as server, proxy_server("http", adds=b"220 forged\r\n") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(ProxyError, match="sent octets before we spoke") as caught:
            tunnel(driver, [url], server.port, server_first=False)
        with pytest.raises(ProxyError, match="sent octets before we spoke"):
            tunnel(driver, [url, f"socks5://127.0.0.1:{server.port}"], 25)

    assert not caught.value.retryable


@both_drivers
@pytest.mark.parametrize(
    ("kind", "says", "told", "phase"),
    [
        ("http", b"HTTP/1.1 407 no\r\nProxy-Authenticate: Basic\r\n\r\n", "refused user and password", "proxy"),
        ("http", b"HTTP/1.1 503 later\r\n\r\n", "503 later", "connect"),
        ("http", b"", "closed the connection", "proxy"),
        ("http", b"HTTP/1.1 200 OK\r\nX: y", "closed the connection", "proxy"),
        ("http", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000, "longer than 16384", "proxy"),
        ("socks5", b"\5\5\0\1" + bytes(6), "the connection was refused", "connect"),
        ("socks5", b"\5\0\0\3\xffshort", "closed the connection", "proxy"),
        ("socks5", b"\5", "closed the connection", "proxy"),
    ],
)
def test_what_a_proxy_answers(driver: Driver, kind: str, says: bytes, told: str, phase: str) -> None:
    """C21: the error names the proxy, is told once, and holds no password, nor do its frames."""
    with proxy_server(kind, says=says) as proxy, pytest.raises(ProxyError, match=told) as caught:
        tunnel(driver, [f"{kind}://ann:hunter2@127.0.0.1:{proxy.port}"], 25)

    assert f"the proxy {kind}://127.0.0.1:{proxy.port} " in str(caught.value)
    assert caught.value.phase == phase
    assert proxy.connections == 1
    assert_clean(caught.value, "hunter2", "YW5uOmh1bnRlcjI")


def assert_clean(error: MailwardError, *secrets: str) -> None:
    """No secret in the error, in what it came from, or in the variables of the frames of ours below this file."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "/mailward/" in frame.f_code.co_filename]
    assert frames
    assert error.__context__ is None
    told = f"{error} {error.advice} {[frame.f_locals for frame in frames]!r}"
    assert not [secret for secret in secrets if secret in told]


@both_drivers
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_dripping_proxy_does_not_outlive_the_deadline(driver: Driver, kind: str) -> None:
    """C04: an octet now and then renews nothing."""

    def drip(sock: socket.socket) -> None:
        for octet in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 if kind == "http" else b"\5\0\0\3\xff" + b"x" * 255:
            sock.sendall(bytes([octet]))
            time.sleep(0.05)

    with proxy_server(kind, says=drip) as proxy:
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=f"waiting for the proxy {kind}://"):
            tunnel(driver, [f"{kind}://127.0.0.1:{proxy.port}"], 25, within=0.4)
        took = time.monotonic() - begun

    assert 0.39 <= took <= 0.6


@both_drivers
def test_a_dripping_handshake_with_a_proxy_does_not_outlive_the_deadline(driver: Driver) -> None:
    """The same in its TLS."""

    def drip(sock: socket.socket) -> None:
        sock.recv(4096)
        for octet in b"\x16\x03\x03\x40\x00" + bytes(100):
            sock.sendall(bytes([octet]))
            time.sleep(0.05)

    with tcp_server(drip) as server:
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            tunnel(driver, [Proxy(f"https://127.0.0.1:{server.port}", ca=CA)], 25, within=0.4)
        took = time.monotonic() - begun

    assert 0.39 <= took <= 0.6


@both_drivers
def test_a_proxy_that_is_not_there(driver: Driver) -> None:
    """The error says that it is the proxy that cannot be reached, and why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProxyError, match=f"the proxy socks5://127.0.0.1:{port} is not to be reached: .*refused"):
        tunnel(driver, [f"socks5://127.0.0.1:{port}"], 25)


@both_drivers
def test_who_looks_names_up(driver: Driver) -> None:
    """The proxy, except where resolve= is given, or where SOCKS 4 needs an IPv4 address."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["::1", "127.0.0.1"]

    with tcp_server(greet) as server, proxy_server("http", says=b"HTTP/1.1 503 x\r\n\r\n") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(ProxyError, match=r"mail\.invalid port 25"):
            tunnel(driver, [url], 25, host="mail.invalid")
        with pytest.raises(ProxyError, match="::1 port 25"):
            tunnel(driver, [url], 25, host="mail.invalid", resolve=resolve)
        with pytest.raises(DnsError):
            tunnel(driver, [f"socks4://127.0.0.1:{server.port}"], 25, host="mail.invalid")
        with pytest.raises(DnsError, match="no IPv4 address"):
            tunnel(driver, [f"socks4://127.0.0.1:{server.port}"], 25, host="x", resolve=lambda _host, _port: ["::1"])

    assert asked == ["mail.invalid"]


@both_drivers
@pytest.mark.parametrize("host", ["x\r\nY: z", "fe80::1%eth0"])
def test_a_destination_that_no_proxy_can_be_told(driver: Driver, host: str) -> None:
    """E05, C21: nothing is connected for it."""
    with proxy_server("http") as proxy, pytest.raises(InputError):
        tunnel(driver, [f"http://127.0.0.1:{proxy.port}"], 25, host=host)

    assert proxy.connections == 0


GRANTED = {"http": b"HTTP/1.1 200 OK\r\n\r\n", "socks5": b"\5\0\0\1" + bytes(6)}
SERVER = st.sampled_from(
    [
        b"220 x ESMTP\r\n",
        b"250-x\r\n250 AUTH PLAIN LOGIN\r\n",
        b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
        b"220 go on\r\n",
        b"235 welcome\r\n",
        b"334 \r\n",
    ]
)


@given(st.sampled_from(["http", "socks5"]), st.lists(SERVER | st.binary(max_size=20), max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_proxy_that_plays_the_server_learns_no_password(kind: str, says: list[bytes], implicit: bool) -> None:
    """Figure 19: whatever it says, it hears no octet of a credential, and the call ends in time."""
    heard = bytearray()

    def play(sock: socket.socket) -> None:
        sock.sendall(GRANTED[kind] + b"".join(says))
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(65536):
            heard.extend(data)

    scheme = "smtps" if implicit else "smtp"
    with proxy_server(kind, says=play) as proxy:
        begun = time.monotonic()
        with pytest.raises(MailwardError):
            through = f"{kind}://127.0.0.1:{proxy.port}"
            Face("sync").send(f"{scheme}://127.0.0.1:25", auth=LOGIN, proxy=through, timeout=2)
        took = time.monotonic() - begun

    assert took <= 2.2
    assert [secret for secret in SECRETS if secret in heard] == []
