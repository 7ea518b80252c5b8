"""TLS over a stream, on both drivers, against OpenSSL through the standard library."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

import pytest

from mailward.errors import CertificateError, ConnectionLost, DeadlineExceeded, TlsError
from mailward.net.blocking import run_blocking
from mailward.net.ports import Ports
from mailward.net.tls_stream import TlsStream
from mailward.wire.tls import TlsLayer
from tests.support.certificates import authority, good
from tests.support.drivers import Driver, both_drivers, wait_until_readable
from tests.support.tcp import tcp_server


def client_context(*, trusting: bool = True) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusting:
        context.load_verify_locations(cadata=authority().pem.decode())
    return context


async def secured(ports: Ports, port: int, *, context: ssl.SSLContext | None = None, within: float = 5) -> TlsStream:
    stream = await ports.connect("127.0.0.1", port, within=5)
    layer = TlsLayer(context or client_context(), server_side=False, server_hostname="127.0.0.1")
    tls = TlsStream(stream, layer, clock=ports.now)
    try:
        await tls.handshake(within=within)
    except BaseException:
        tls.abort()
        raise
    return tls


def echo(sock: socket.socket) -> None:
    with good().server_context().wrap_socket(sock, server_side=True) as tls:
        while data := tls.recv(65536):
            tls.sendall(data)
        tls.unwrap()


@both_drivers
def test_octets_pass_both_ways(driver: Driver) -> None:
    """Plaintext comes back, a megabyte of it too, and the end is an end."""

    async def flow(ports: Ports) -> bytes:
        tls = await secured(ports, server.port)
        assert (tls.layer.version, tls.peername) == ("TLSv1.3", "127.0.0.1")
        assert tls.layer.peer_certificate() == good().der
        await tls.write(b"x" * 100_000, within=5)
        seen = b""
        while len(seen) < 100_000:
            seen += await tls.read(65536, within=5)
        assert await tls.take() is None
        await tls.close()
        return seen

    with tcp_server(echo) as server:
        assert driver.run(flow) == b"x" * 100_000


@both_drivers
def test_tickets_are_no_data(driver: Driver) -> None:
    """A TLS 1.3 server sends tickets after the handshake; nothing of them can be taken."""
    looked = threading.Event()

    def talk(sock: socket.socket) -> None:
        with good().server_context().wrap_socket(sock, server_side=True) as tls:
            looked.wait(5)
            tls.sendall(b"hello")
            tls.recv(1)

    async def flow(ports: Ports) -> tuple[bytes | None, bytes]:
        tls = await secured(ports, server.port)
        wait_until_readable(tls)  # the tickets
        early = await tls.take()
        looked.set()
        data = await tls.read(100, within=5)
        await tls.close()
        return early, data

    with tcp_server(talk) as server:
        assert driver.run(flow) == (None, b"hello")


@both_drivers
def test_an_untrusted_certificate_gets_an_alert(driver: Driver) -> None:
    """The server hears why we leave."""
    alerts: list[str] = []

    def talk(sock: socket.socket) -> None:
        try:
            good().server_context().wrap_socket(sock, server_side=True).recv(1)
        except ssl.SSLError as error:
            alerts.append(error.reason or "")

    async def flow(ports: Ports) -> None:
        await secured(ports, server.port, context=client_context(trusting=False))

    with tcp_server(talk) as server, pytest.raises(CertificateError):
        driver.run(flow)

    assert alerts == ["TLSV1_ALERT_UNKNOWN_CA"]


@both_drivers
def test_plaintext_in_place_of_tls(driver: Driver) -> None:
    """It is a TlsError, and `opening` shows what came instead."""
    opening: list[bytes] = []

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        layer = TlsLayer(client_context(), server_side=False, server_hostname="127.0.0.1")
        tls = TlsStream(stream, layer, clock=ports.now)
        try:
            await tls.handshake(within=5)
        finally:
            opening.append(tls.opening)
            tls.abort()

    with tcp_server(lambda sock: sock.sendall(b"220 mail.example ESMTP\r\n")) as server, pytest.raises(TlsError):
        driver.run(flow)

    assert opening == [b"220 mail"]


@both_drivers
@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x03"], ids=["nothing", "half"])
def test_an_end_inside_the_handshake(driver: Driver, octets: bytes) -> None:
    """The connection that ends before TLS stands is lost."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(octets)

    async def flow(ports: Ports) -> None:
        await secured(ports, server.port)

    with tcp_server(talk) as server, pytest.raises(ConnectionLost):
        driver.run(flow)


@pytest.mark.slow
@both_drivers
def test_a_silent_handshake_ends_in_time(driver: Driver) -> None:
    """So does one whose server says nothing."""

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DeadlineExceeded):
            await secured(ports, server.port, within=0.2)
        return ports.now() - begun

    def deaf(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass

    with tcp_server(deaf) as server:
        assert 0.19 <= driver.run(flow) <= 0.4


@both_drivers
def test_truncation_is_told_from_an_end(driver: Driver) -> None:
    """A connection that ends without close_notify may have been cut: ConnectionLost."""

    def cut(sock: socket.socket) -> None:
        tls = good().server_context().wrap_socket(sock, server_side=True)
        tls.sendall(b"hel")
        socket.socket(fileno=tls.detach()).close()

    async def flow(ports: Ports) -> None:
        tls = await secured(ports, server.port)
        assert await tls.read(100, within=5) == b"hel"
        try:
            await tls.read(100, within=5)
        finally:
            tls.abort()

    with tcp_server(cut) as server, pytest.raises(ConnectionLost, match="close_notify"):
        driver.run(flow)


@both_drivers
def test_take_calls_a_cut_channel_ended(driver: Driver) -> None:
    """Whatever is wrong with it, it cannot be used again."""

    def cut(sock: socket.socket) -> None:
        tls = good().server_context().wrap_socket(sock, server_side=True)
        tls.recv(1)
        socket.socket(fileno=tls.detach()).close()

    async def flow(ports: Ports) -> bytes | None:
        tls = await secured(ports, server.port)
        await tls.write(b"x", within=5)
        seen = None
        while seen is None:  # first the tickets, then the end
            wait_until_readable(tls)
            seen = await tls.take()
        tls.abort()
        return seen

    with tcp_server(cut) as server:
        assert driver.run(flow) == b""


class _Endless:
    """A stream on which there is always more, none of it plaintext."""

    peername = sockname = ""
    peerport = sockport = 0
    taken = 0
    closed = False

    async def take(self) -> bytes:
        self.taken += 1
        return b"a record"

    def receive_data(self, _data: bytes) -> bytes:
        return b"x" * 16 if self.taken > 500 else b""


def test_a_look_at_what_is_here_ends() -> None:
    """Whoever sends faster than we read holds nobody in `take`, which has no deadline, and fills no memory."""
    endless: Any = _Endless()
    tls = TlsStream(endless, endless, clock=lambda: 0.0)

    assert run_blocking(tls.take()) is None
    assert endless.taken <= 100
