"""Connecting, on both drivers: the first address to answer wins, and time holds whatever the others do."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailward.errors import ConnectError, DeadlineExceeded, DnsError, InputError
from mailward.net import resolve
from mailward.net.local_address import LocalAddress
from mailward.net.ports import Ports, Stream
from tests.support.black_hole import black_hole
from tests.support.drivers import DRIVERS, Driver, both_drivers
from tests.support.tcp import ipv6, tcp_server

BLOCKING, AIO = DRIVERS


def hello(sock: socket.socket) -> None:
    sock.sendall(b"hello")


def naming(*ips: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: ips


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@both_drivers
def test_an_address_that_never_answers_costs_a_quarter_of_a_second(driver: Driver) -> None:
    """The second address starts 250 ms after the first, and wins while the first still hangs."""

    async def flow(ports: Ports) -> tuple[str, float]:
        begun = ports.now()
        stream = await ports.connect("x.example", server.port, within=5, resolve=naming("127.0.0.2", "127.0.0.1"))
        took = ports.now() - begun
        await stream.close()
        return stream.peername, took

    with tcp_server(hello) as server, black_hole("127.0.0.2", server.port):
        peername, took = driver.run(flow)

    assert peername == "127.0.0.1"
    assert 0.24 <= took <= 0.9


@both_drivers
def test_an_address_that_refuses_costs_nothing(driver: Driver) -> None:
    """The next one starts at once."""

    async def flow(ports: Ports) -> tuple[str, float]:
        begun = ports.now()
        addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1")
        stream = await ports.connect("x.example", server.port, within=5, resolve=naming(*addresses))
        took = ports.now() - begun
        await stream.close()
        return stream.peername, took

    with tcp_server(hello) as server:
        peername, took = driver.run(flow)

    assert peername == "127.0.0.1"
    assert took <= 0.5  # three steps would be 0.75


@both_drivers
@pytest.mark.parametrize("host", [ipv6])
def test_the_other_family_takes_over(driver: Driver, host: str) -> None:
    """Where IPv6 is a dead end, IPv4 answers a quarter of a second later; its other addresses need not fail first."""

    async def flow(ports: Ports) -> tuple[str, float]:
        begun = ports.now()
        stream = await ports.connect("x.example", server.port, within=5, resolve=naming(host, host, "127.0.0.1"))
        took = ports.now() - begun
        await stream.close()
        return stream.peername, took

    with tcp_server(hello) as server, black_hole(host, server.port):
        peername, took = driver.run(flow)

    assert peername == "127.0.0.1"
    assert took <= 0.9  # the first address would hang for five seconds


@both_drivers
def test_the_first_port_has_a_head_start(driver: Driver) -> None:
    """Both ports answer, the first is taken; it hangs, the second is; it refuses, the second is at once."""

    async def flow(ports: Ports) -> list[tuple[int, float]]:
        seen = []
        for first in (good.port, dead, refusing):
            begun = ports.now()
            place, stream = await ports.race([("127.0.0.1", first), ("127.0.0.1", other.port)], within=5)
            seen.append((place, ports.now() - begun))
            await stream.close()
        return seen

    refusing = free_port()
    with tcp_server(hello) as good, tcp_server(hello, connections=2) as other, black_hole() as dead:
        seen = driver.run(flow)

    assert [place for place, _ in seen] == [0, 1, 1]
    assert seen[0][1] < 0.24
    assert 0.24 <= seen[1][1] <= 0.9
    assert seen[2][1] < 0.24


@both_drivers
def test_time_holds_when_nobody_answers(driver: Driver) -> None:
    """Every address is tried even if time is shorter than their steps, and each is told."""

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match=r"127\.0\.0\.2: no answer in time; 127\.0\.0\.3: no answer in time"):
            await ports.connect("x.example", port, within=0.4, resolve=naming("127.0.0.2", "127.0.0.3"))
        return ports.now() - begun

    with black_hole("127.0.0.2") as port, black_hole("127.0.0.3", port):
        took = driver.run(flow)

    assert 0.39 <= took <= 0.6


@both_drivers
def test_a_race_that_everybody_loses_tells_each_place(driver: Driver) -> None:
    """Both ports, their address, and the reason."""
    first, second = free_port(), free_port()

    async def flow(ports: Ports) -> None:
        await ports.race([("127.0.0.1", first), ("127.0.0.1", second)], within=5)

    with pytest.raises(ConnectError, match=rf"port {first}: 127.0.0.1: Conn.* port {second}: 127.0.0.1: Conn"):
        driver.run(flow)


@both_drivers
def test_a_name_without_an_answer_does_not_end_the_race(driver: Driver) -> None:
    """The other host wins it."""

    async def flow(ports: Ports) -> int:
        place, stream = await ports.race([("mail.invalid", 25), ("127.0.0.1", server.port)], within=5)
        await stream.close()
        return place

    with tcp_server(hello) as server:
        assert driver.run(flow) == 1


@both_drivers
def test_a_host_is_looked_up_once(driver: Driver) -> None:
    """Two ports of one host are one question."""
    asked: list[str] = []

    def hook(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def flow(ports: Ports) -> int:
        places = [("x.example", free_port()), ("x.example", server.port)]
        place, stream = await ports.race(places, within=5, resolve=hook)
        await stream.close()
        return place

    with tcp_server(hello) as server:
        assert driver.run(flow) == 1
    assert asked == ["x.example"]


@both_drivers
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([], "no address"),
        ("127.0.0.1", "not a list of IP addresses"),
        (None, "not a list of IP addresses"),
        (["localhost"], "'localhost', which is not an IP address"),
        ([7], "'7', which is not an IP address"),
    ],
)
def test_a_resolver_of_the_callers_that_gives_no_address(driver: Driver, answer: Sequence[str], told: str) -> None:
    """Nothing is connected, and what it gave is told."""

    async def flow(ports: Ports) -> None:
        await ports.connect("x.example", 25, within=5, resolve=lambda _host, _port: answer)

    with pytest.raises(DnsError, match=told):
        driver.run(flow)


@both_drivers
def test_what_the_callers_resolver_raises_comes_out(driver: Driver) -> None:
    """It is nobody's business but the caller's."""

    def hook(_host: str, _port: int) -> list[str]:
        raise KeyError("x")

    async def flow(ports: Ports) -> None:
        await ports.connect("x.example", 25, within=5, resolve=hook)

    with pytest.raises(KeyError):
        driver.run(flow)


async def slow_hook(_host: str, _port: int) -> list[str]:
    await AIO.ports().sleep(0.01)
    return ["127.0.0.1"]


def test_an_asynchronous_resolver_is_awaited() -> None:
    """On asyncio, within the time to connect."""

    async def flow(ports: Ports) -> bytes:
        stream = await ports.connect("x.example", server.port, within=5, resolve=slow_hook)
        data = await stream.read(5, within=5)
        await stream.close()
        with pytest.raises(DeadlineExceeded, match=r"looking up x\.example"):
            await ports.connect("x.example", 25, within=0.001, resolve=slow_hook)
        return data

    with tcp_server(hello) as server:
        assert AIO.run(flow) == b"hello"


def test_an_asynchronous_resolver_needs_a_loop() -> None:
    """The blocking driver says so, and leaves no coroutine unawaited."""

    async def flow(ports: Ports) -> None:
        await ports.connect("x.example", 25, within=5, resolve=slow_hook)

    with pytest.raises(InputError, match="resolve= is asynchronous"):
        BLOCKING.run(flow)


@both_drivers
def test_a_source_of_the_other_family_is_not_used(driver: Driver) -> None:
    """An IPv4 source never serves an IPv6 peer: that address is passed over, and told if none is left."""

    async def flow(ports: Ports) -> str:
        local = LocalAddress.of("127.0.0.3")
        stream = await ports.connect(
            "x.example", server.port, within=5, local_address=local, resolve=naming("::1", "127.0.0.1")
        )
        await stream.close()
        with pytest.raises(ConnectError, match=r"::1: local_address= has no IPv6 address"):
            await ports.connect("::1", server.port, within=5, local_address=local)
        return stream.sockname

    with tcp_server(hello) as server:
        assert driver.run(flow) == "127.0.0.3"


@both_drivers
def test_sources_and_their_ports_take_turns(driver: Driver) -> None:
    """Two addresses alternate, and a source port comes from its range."""
    first = free_port()

    async def flow(ports: Ports) -> None:
        local = LocalAddress.of(["127.0.0.4", f"127.0.0.5:{first}"])
        for _ in range(3):
            stream = await ports.connect("127.0.0.1", server.port, within=5, local_address=local)
            await stream.read(1, within=5)
            await stream.close()

    seen: list[tuple[str, int]] = []

    def talk(sock: socket.socket) -> None:
        seen.append(sock.getpeername())

    with tcp_server(talk, connections=3) as server:
        driver.run(flow)

    assert [ip for ip, _ in seen] == ["127.0.0.4", "127.0.0.5", "127.0.0.4"]
    assert seen[1][1] == first


@contextmanager
def unix_server() -> Iterator[str]:
    """One connection on a Unix socket, greeted."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path = f"{folder}/s"
        listener.bind(path)
        listener.listen(1)

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"hello")
                sock.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        thread.join(5)


@both_drivers
def test_a_unix_socket(driver: Driver) -> None:
    """It is a stream like any other, whose ends have no IP address."""

    async def flow(ports: Ports) -> tuple[bytes, str, str, int]:
        stream = await ports.connect_unix(path, within=5)
        data = await stream.read(5, within=5)
        await stream.close()
        return data, stream.peername, stream.sockname, stream.peerport

    with unix_server() as path:
        assert driver.run(flow) == (b"hello", "", "", 0)


@both_drivers
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/nonexistent/s", "No such file"), ("x" * 200, "too long"), ("/tmp/a\0b", "null|NUL|No such file")],  # noqa: S108
)
def test_no_unix_socket_there(driver: Driver, path: str, reason: str) -> None:
    """The path and the reason are told."""

    async def flow(ports: Ports) -> None:
        await ports.connect_unix(path, within=5)

    with pytest.raises(ConnectError, match=f"cannot connect to .*{reason}"):
        driver.run(flow)


@both_drivers
def test_a_unix_socket_whose_queue_is_full(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is tried until time is over."""

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match="connecting to"):
            while True:
                kept.append(await ports.connect_unix(path, within=0.2))
        for stream in kept:
            stream.abort()
        await ports.sleep(0)
        return ports.now() - begun

    kept: list[Stream] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path = str(Path(folder) / "s")
        listener.bind(path)
        listener.listen(0)
        assert 0.19 <= driver.run(flow) <= 0.5


@both_drivers
def test_a_lookup_gives_the_addresses(driver: Driver) -> None:
    """Of a literal, of a name, of what resolve= says; or the reason."""

    async def flow(ports: Ports) -> list[tuple[str, ...]]:
        with pytest.raises(DnsError):
            await ports.lookup("mail.invalid", within=5)
        return [
            await ports.lookup("::1", within=5),
            await ports.lookup("localhost", within=5),
            await ports.lookup("x.example", within=5, resolve=naming("192.0.2.1", "::1")),
        ]

    literal, name, given = driver.run(flow)
    assert literal == ("::1",)
    assert set(name) <= {"127.0.0.1", "::1"}
    assert given == ("192.0.2.1", "::1")


@both_drivers
def test_peerport(driver: Driver) -> None:
    """The stream knows the ports of both its ends."""

    async def flow(ports: Ports) -> tuple[int, int]:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        await stream.read(5, within=5)
        await stream.close()
        return stream.peerport, stream.sockport

    seen: list[int] = []

    def talk(sock: socket.socket) -> None:
        seen.append(sock.getpeername()[1])
        sock.sendall(b"hello")

    with tcp_server(talk) as server:
        assert driver.run(flow) == (server.port, seen[0])


@both_drivers
def test_a_failed_race_leaves_nothing_open(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled or out of time, every socket is closed (an open one would be a ResourceWarning, an error here)."""
    monkeypatch.setattr(resolve, "_lookup", lambda *_: ())

    async def flow(ports: Ports) -> None:
        await ports.connect("127.0.0.1", port, within=0.05)

    with black_hole() as port, pytest.raises(DeadlineExceeded):
        driver.run(flow)
