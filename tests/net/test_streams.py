"""Both drivers keep the promises of `mailward.net.ports`."""

from __future__ import annotations

import hashlib
import socket
import threading
import time

import pytest

from mailward.errors import ConnectError, ConnectionLost, DeadlineExceeded, DnsError
from mailward.net import resolve
from mailward.net.local_address import LocalAddress
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers
from tests.support.tcp import ipv6, tcp_server


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def reset(sock: socket.socket) -> None:
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@both_drivers
@pytest.mark.parametrize("host", ["127.0.0.1", ipv6, "localhost"])
def test_what_is_written_comes_back(driver: Driver, host: str) -> None:
    """A literal of either family and a name connect, and octets pass both ways."""

    async def flow(ports: Ports) -> tuple[bytes, str, str]:
        stream = await ports.connect(host, server.port, within=5)
        await stream.write(b"hello", within=5)
        data = await stream.read(100, within=5)
        await stream.close()
        return data, stream.peername, stream.sockname

    with tcp_server(echo, host="127.0.0.1" if host == "localhost" else host) as server:
        data, peername, sockname = driver.run(flow)

    assert data == b"hello"
    assert peername == sockname == ("127.0.0.1" if host == "localhost" else host)


@both_drivers
def test_a_read_gives_no_more_than_asked_for(driver: Driver) -> None:
    """`limit` bounds a read and the rest stays for the next one."""

    async def flow(ports: Ports) -> list[bytes]:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        pieces = []
        while piece := await stream.read(4, within=5):
            pieces.append(piece)
        await stream.close()
        return pieces

    with tcp_server(lambda sock: sock.sendall(b"0123456789")) as server:
        pieces = driver.run(flow)

    assert b"".join(pieces) == b"0123456789"
    assert max(map(len, pieces)) <= 4


@both_drivers
def test_a_slow_reader_holds_the_peer_back_and_loses_nothing(driver: Driver) -> None:
    """Eight megabytes at a reader that sleeps first arrive whole."""
    content = bytes(range(256)) * 32768

    async def flow(ports: Ports) -> str:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        seen = hashlib.sha256(await stream.read(1, within=5))
        time.sleep(0.05)  # noqa: ASYNC251 - that is the slowness
        while data := await stream.read(65536, within=5):
            seen.update(data)
        await stream.close()
        return seen.hexdigest()

    with tcp_server(lambda sock: sock.sendall(content)) as server:
        digest = driver.run(flow)

    assert digest == hashlib.sha256(content).hexdigest()


@both_drivers
def test_a_large_write_to_a_slow_peer_arrives_whole(driver: Driver) -> None:
    """A write longer than every buffer returns only once the kernel has it all."""
    received = bytearray()

    def slow(sock: socket.socket) -> None:
        time.sleep(0.1)
        while data := sock.recv(65536):
            received.extend(data)

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        await stream.write(b"x" * 8_000_000, within=5)
        await stream.close()

    with tcp_server(slow) as server:
        driver.run(flow)

    assert len(received) == 8_000_000


@pytest.mark.slow
@both_drivers
def test_a_silent_peer_costs_no_more_than_allowed(driver: Driver) -> None:
    """A read ends with DeadlineExceeded when its time is over."""

    async def flow(ports: Ports) -> float:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match="waiting for the server"):
            await stream.read(100, within=0.2)
        stream.abort()
        return ports.now() - begun

    with tcp_server(echo) as server:
        took = driver.run(flow)

    assert 0.19 <= took <= 0.4


@pytest.mark.slow
@both_drivers
def test_a_write_nobody_reads_ends_in_time(driver: Driver) -> None:
    """A peer that reads nothing cannot hold a writer, and the rest of the octets never follow."""
    done = threading.Event()
    received = bytearray()

    def deaf(sock: socket.socket) -> None:
        done.wait(5)
        while data := sock.recv(65536):
            received.extend(data)

    async def flow(ports: Ports) -> float:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match="sending"):
            await stream.write(b"x" * 32_000_000, within=0.2)
        took = ports.now() - begun
        stream.abort()
        return took

    with tcp_server(deaf) as server:
        took = driver.run(flow)
        done.set()

    assert 0.19 <= took <= 0.5
    assert len(received) < 32_000_000


@both_drivers
def test_take_never_waits(driver: Driver) -> None:
    """Nothing there is None, octets are octets, the end is b""."""
    speak, hang_up = threading.Event(), threading.Event()

    def talk(sock: socket.socket) -> None:
        speak.wait(5)
        sock.sendall(b"x")
        hang_up.wait(5)

    async def flow(ports: Ports) -> list[bytes | None]:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        seen = [await stream.take()]
        speak.set()
        seen.append(await stream.read(1, within=5))
        hang_up.set()
        assert await stream.read(1, within=5) == b""
        seen.append(await stream.take())
        await stream.close()
        return seen

    with tcp_server(talk) as server:
        seen = driver.run(flow)

    assert seen == [None, b"x", b""]


@both_drivers
def test_a_reset_is_a_lost_connection(driver: Driver) -> None:
    """A connection that is reset raises ConnectionLost on the next read and write."""

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        await stream.write(b"x", within=5)
        with pytest.raises(ConnectionLost):
            await stream.read(1, within=5)
        with pytest.raises(ConnectionLost):
            await stream.write(b"x" * 100_000, within=5)
        stream.abort()

    with tcp_server(reset) as server:
        driver.run(flow)


@both_drivers
def test_a_refused_connection_names_host_port_address_and_reason(driver: Driver) -> None:
    """ConnectError tells what was tried and why it failed."""
    port = free_port()

    async def flow(ports: Ports) -> None:
        await ports.connect("localhost", port, within=5)

    with pytest.raises(ConnectError, match=rf"localhost port {port}: .*127\.0\.0\.1: .*refused"):
        driver.run(flow)


@both_drivers
def test_a_name_that_does_not_resolve_is_a_dns_error(driver: Driver) -> None:
    """DnsError names the host; `.invalid` never resolves (RFC 6761 §6.4)."""

    async def flow(ports: Ports) -> None:
        await ports.connect("mail.invalid", 25, within=5)

    with pytest.raises(DnsError, match=r"mail\.invalid does not resolve"):
        driver.run(flow)


@pytest.mark.slow
@both_drivers
def test_a_hanging_resolver_does_not_outlive_the_deadline(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookup is abandoned when time is up."""
    release = threading.Event()
    monkeypatch.setattr(resolve, "_lookup", lambda *_: release.wait(5) and ())

    async def flow(ports: Ports) -> None:
        await ports.connect("slow.example", 25, within=0.2)

    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"looking up slow\.example"):
        driver.run(flow)
    took = time.monotonic() - begun
    release.set()

    assert took <= 0.5


@both_drivers
def test_the_next_address_is_tried(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first address that refuses does not end the attempt."""

    async def flow(ports: Ports) -> str:
        stream = await ports.connect("two.example", server.port, within=5)
        await stream.close()
        return stream.peername

    with tcp_server(echo) as server:
        addresses = tuple(resolve.Address(socket.AF_INET, ip, (ip, server.port)) for ip in ("127.0.0.9", "127.0.0.1"))
        monkeypatch.setattr(resolve, "_lookup", lambda *_: addresses)
        assert driver.run(flow) == "127.0.0.1"


@both_drivers
def test_the_local_address_is_the_one_asked_for(driver: Driver) -> None:
    """`local_address` is where the connection comes from."""
    seen: list[str] = []

    def talk(sock: socket.socket) -> None:
        seen.append(sock.getpeername()[0])

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5, local_address=LocalAddress.of("127.0.0.3"))
        await stream.read(1, within=5)
        await stream.close()

    with tcp_server(talk) as server:
        driver.run(flow)

    assert seen == ["127.0.0.3"]


@both_drivers
def test_a_local_address_we_do_not_have_is_told(driver: Driver) -> None:
    """Binding to somebody else's address is a ConnectError that gives the reason."""

    async def flow(ports: Ports) -> None:
        await ports.connect("127.0.0.1", 9, within=5, local_address=LocalAddress.of("192.0.2.1"))

    with pytest.raises(ConnectError, match="assign requested address"):
        driver.run(flow)


@both_drivers
def test_time_chance_and_work(driver: Driver) -> None:
    """The clock moves on, nonces differ and have no comma, computed work gives its result."""

    async def flow(ports: Ports) -> int:
        assert ports.now() <= ports.now()
        assert ports.utc().tzinfo is not None
        assert ports.nonce() != ports.nonce()
        assert "," not in ports.nonce()
        return await ports.compute(lambda: 6 * 7)

    assert driver.run(flow) == 42
