"""From options to a connection: which port, which way, and when it must be over."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, ConnectError, DeadlineExceeded, InputError, TlsError
from mailward.client.connecting import connect
from mailward.client.options import ClientOptions, Timeout, client_options
from mailward.client.tls_mode import Endpoint, TlsMode
from mailward.errors import ProxyError
from mailward.net.ports import Ports
from tests.support.black_hole import black_hole
from tests.support.certificates import authority
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Script, drip, endless, hostile_server, silence
from tests.support.proxy_server import proxy_server
from tests.support.sending import LOGIN, Face, both_faces, url_of
from tests.support.tcp import tcp_server

CA = authority().pem


def options_for(*endpoints: tuple[int, TlsMode], **options: Any) -> ClientOptions:
    given = client_options("127.0.0.1", ca=CA, memory=False, **options)
    return replace(given, endpoints=tuple(Endpoint("127.0.0.1", port, mode) for port, mode in endpoints))


def connected(driver: Driver, options: ClientOptions, *, total: float = 5.0) -> tuple[Endpoint, float]:
    async def flow(ports: Ports) -> tuple[Endpoint, float]:
        begun = ports.now()
        endpoint, stream = await connect(options, ports, until=begun + total)
        took = ports.now() - begun
        stream.abort()
        await ports.sleep(0)
        return endpoint, took

    return driver.run(flow)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def nothing(sock: socket.socket) -> None:
    sock.recv(100)


@both_drivers
def test_the_other_port_while_the_first_hangs(driver: Driver) -> None:
    """A firewall that swallows 465 costs a quarter of a second, not the time to connect."""
    with black_hole() as dead, tcp_server(nothing) as server:
        options = options_for((dead, TlsMode.IMPLICIT), (server.port, TlsMode.STARTTLS))
        endpoint, took = connected(driver, options)

    assert endpoint.mode is TlsMode.STARTTLS
    assert took <= 0.9


@both_faces
def test_a_port_that_fails_tls_is_an_error_and_no_reason_for_another(face: Face) -> None:
    """It is not gone round (tests/client/test_opening.py), and no word is said in clear text."""
    with hostile_server(Script()) as plain, pytest.raises(TlsError):
        face.send(f"smtps://127.0.0.1:{plain.port}")

    assert b"EHLO" not in plain.heard
    assert len(plain.connections) == 1


@both_drivers
def test_through_a_proxy_the_ports_are_tried_in_turn(driver: Driver) -> None:
    """465 that the proxy cannot reach, then 587."""
    with tcp_server(nothing) as server, proxy_server("http") as proxy:
        closed = free_port()
        options = options_for(
            (closed, TlsMode.IMPLICIT), (server.port, TlsMode.STARTTLS), proxy=f"socks5://127.0.0.1:{proxy.port}"
        )
        options = replace(options, proxies=_proxies(f"http://127.0.0.1:{proxy.port}"))
        with pytest.raises(ProxyError, match="closed the connection"):  # what our small proxy does then
            connected(driver, options)
    with proxy_server("http", says=b"HTTP/1.1 503 x\r\n\r\n") as proxy:
        options = replace(options, proxies=_proxies(f"http://127.0.0.1:{proxy.port}"))
        with pytest.raises(ProxyError, match=rf"port {closed}: 503 x; .*port {server.port}: 503 x"):
            connected(driver, options)

    assert proxy.asked == [f"127.0.0.1:{closed}", f"127.0.0.1:{server.port}"]


def _proxies(url: str) -> Any:
    return client_options("x", proxy=url, memory=False).proxies


@both_drivers
def test_a_wrong_password_at_a_proxy_is_said_once(driver: Driver) -> None:
    """What a proxy holds against us, it gets no second time with the other port."""
    with proxy_server("http", says=b"HTTP/1.1 407 x\r\n\r\n") as proxy:
        options = options_for(
            (1, TlsMode.IMPLICIT), (2, TlsMode.STARTTLS), proxy=f"http://ann:pw@127.0.0.1:{proxy.port}"
        )
        with pytest.raises(ProxyError, match="refused user and password"):
            connected(driver, options)

    assert proxy.connections == 1


@both_drivers
def test_hosts_of_no_proxy_are_reached_directly(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """With proxy="env" the environment says which way."""
    with tcp_server(nothing) as server, proxy_server("http", says=b"HTTP/1.1 503 x\r\n\r\n") as proxy:
        monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ProxyError):
            connected(driver, options_for((server.port, TlsMode.STARTTLS), proxy="env"))
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        connected(driver, options_for((server.port, TlsMode.STARTTLS), proxy="env"))

    assert proxy.connections == 1


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_message_through_a_proxy(face: Face, kind: str, tls: str) -> None:
    """TLS is with the server, inside the tunnel: the proxy reads nothing of it."""
    script = Script(tls=tls)
    with hostile_server(script) as server, proxy_server(kind) as proxy:
        receipt = face.send(url_of(server, script), proxy=f"{kind}://127.0.0.1:{proxy.port}")

    assert receipt.tls is not None
    assert b"MAIL FROM" not in proxy.heard
    assert len(server.contents) == 1


@contextmanager
def on_a_unix_socket(port: int) -> Iterator[str]:
    """Relays one connection on a Unix socket to a port."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path = f"{folder}/s"
        listener.bind(path)
        listener.listen(1)

        def copy(one: socket.socket, other: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with listener.accept()[0] as sock, socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=copy, args=(server, sock), daemon=True)
                back.start()
                copy(sock, server)
                back.join(5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        thread.join(5)


@both_faces
def test_a_message_over_a_unix_socket(face: Face) -> None:
    """Nobody is on the way, so that no TLS is asked for; the client's name is then localhost."""
    with hostile_server(Script()) as server, on_a_unix_socket(server.port) as path:
        receipt = face.send(f"smtp+unix://{path}")

    assert receipt.tls is None
    assert b"EHLO localhost\r\n" in server.heard
    assert len(server.contents) == 1


@both_faces
def test_a_login_over_a_unix_socket(face: Face) -> None:
    """It counts as private: even a mechanism that says the password may be used."""
    with hostile_server(Script(auth=("PLAIN",))) as server, on_a_unix_socket(server.port) as path:
        receipt = face.send(f"smtp+unix://{path}", auth=LOGIN)

    assert receipt.auth is not None
    assert receipt.auth.mechanism == "PLAIN"


@both_faces
def test_tls_over_a_unix_socket(face: Face) -> None:
    """If the URL asks for it."""
    with hostile_server(Script(tls="starttls")) as server, on_a_unix_socket(server.port) as path:
        receipt = face.send(f"smtp+unix://{path}?tls=starttls")

    assert receipt.tls is not None


@both_faces
def test_no_unix_socket_there(face: Face) -> None:
    """The path and the reason."""
    with pytest.raises(ConnectError, match="cannot connect to /nonexistent/s: No such file"):
        face.send("smtp+unix:///nonexistent/s")


def test_what_makes_no_sense() -> None:
    """A port of a Unix socket, two protocols, a mode that only a Unix socket has."""
    nonsense: list[tuple[str, dict[str, Any]]] = [
        ("smtp+unix:///s", {"port": 25}),
        ("smtp://h", {"protocol": "lmtp"}),
        ("h", {"protocol": "smpt"}),
        ("h", {"tls": TlsMode.LOCAL}),
    ]
    for host, options in nonsense:
        with pytest.raises(InputError):
            client_options(host, **options)


def test_lmtp() -> None:
    """Port 24, or a Unix socket; and TLS all the same where there is a network."""
    (tcp,) = client_options("lmtp://h", memory=False).endpoints
    (unix,) = client_options("lmtp+unix:///run/lmtp", memory=False).endpoints
    (option,) = client_options("h", protocol="lmtp", memory=False).endpoints

    assert tcp == option == Endpoint("h", 24, TlsMode.STARTTLS, protocol="lmtp")
    assert unix == Endpoint("localhost", 0, TlsMode.LOCAL, "/run/lmtp", "lmtp")
    assert str(unix) == "/run/lmtp"


# C04: `total` holds, whoever drips and wherever; within 5 % where the machine has nothing else to do.

TOTAL = 0.4


def dripping_tls(sock: socket.socket) -> None:
    """A TLS record that never ends."""
    sock.recv(4096)
    for octet in b"\x16\x03\x03\x40\x00" + bytes(1000):
        sock.sendall(bytes([octet]))
        time.sleep(0.05)


@both_faces
@pytest.mark.parametrize("step", ["", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "."])
def test_total_holds_against_a_dripping_server(face: Face, step: str) -> None:
    """An octet now and then renews no wait, at any step."""
    script = Script(tls="starttls", says={step: drip(b"250-" + b"x" * 400, every=0.05)})
    with hostile_server(script) as server:
        took = timed(lambda: face.send(url_of(server), timeout=TOTAL))

    assert TOTAL * 0.95 <= took <= TOTAL + 0.2


@pytest.mark.slow
@both_faces
@pytest.mark.parametrize("step", ["", "EHLO", "."])
def test_total_holds_within_five_percent(face: Face, step: str) -> None:
    """Of one second, against an octet every third of one and with TLS."""
    with hostile_server(Script(tls="starttls", says={step: drip(b"250-" + b"x" * 400, every=0.33)})) as server:
        took = timed(lambda: face.send(url_of(server), timeout=1))

    assert 0.95 <= took <= 1.05


@both_faces
@pytest.mark.parametrize("step", ["", "EHLO", "."])
def test_total_holds_against_a_server_that_never_ends(face: Face, step: str) -> None:
    """Continuation lines without a last one are cut by their count or by time, whichever comes first."""
    script = Script(says={step: endless(b"250-x\r\n")})
    with hostile_server(script) as server:
        begun = time.monotonic()
        with pytest.raises(Exception):  # noqa: B017, PT011 - which, is for others to say
            face.send(url_of(server), timeout=TOTAL, tls=INSECURE_PLAINTEXT)

    assert time.monotonic() - begun <= TOTAL * 1.05 + 0.2


@both_faces
def test_total_holds_in_the_tls_handshake(face: Face) -> None:
    """A record that drips is no handshake."""
    with tcp_server(dripping_tls) as server:
        took = timed(lambda: face.send(f"smtps://127.0.0.1:{server.port}", timeout=TOTAL))

    assert TOTAL * 0.95 <= took <= TOTAL + 0.2


@both_faces
def test_total_holds_while_connecting(face: Face) -> None:
    """And where nobody answers at all."""
    with black_hole() as port:
        took = timed(lambda: face.send(f"smtps://127.0.0.1:{port}", timeout=TOTAL))

    assert TOTAL * 0.95 <= took <= TOTAL + 0.2


@both_faces
def test_each_step_has_its_own_limit_within_the_total(face: Face) -> None:
    """`greeting`, `command` and `data` end what they are for; `connect` is for the connection alone."""
    with hostile_server(Script(says={"": silence})) as server:
        took = timed(lambda: face.send(url_of(server), timeout=Timeout(greeting=0.3)))
    assert 0.28 <= took <= 0.5
    with hostile_server(Script(tls="starttls", says={"MAIL": silence})) as server:
        took = timed(lambda: face.send(url_of(server), timeout=Timeout(command=0.3)))
    assert 0.28 <= took <= 0.5
    with black_hole() as port:
        took = timed(lambda: face.send(f"smtps://127.0.0.1:{port}", timeout=Timeout(connect=0.3)))
    assert 0.28 <= took <= 0.5


def timed(send: Any) -> float:
    begun = time.monotonic()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - DeadlineExceeded, or OutcomeUnknown because of it
        send()
    took = time.monotonic() - begun
    assert isinstance(caught.value, DeadlineExceeded) or type(caught.value).__name__ == "OutcomeUnknown"
    return took
