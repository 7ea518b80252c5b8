"""Figure 19: whatever a server says without end costs the client a mebibyte at the most, and no more than its time."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.certificates import authority
from tests.support.hostile import Act, Connection, Saying, Script, hostile_server
from tests.support.proxy_server import proxy_server
from tests.support.sending import Face, both_faces, url_of

TIMEOUT = 0.6
SLACK = 0.2
MOST = 1024  # KiB
LONG = 16 * 2**20


def some(data: bytes, octets: int) -> Act:
    """`data` again and again, so many octets of it, and then nothing more."""

    def act(connection: Connection) -> None:
        for _ in range(octets // len(data) // 50 + 1):
            connection.say(data * 50)
        hostile.silence(connection)

    return act


def questions(number: int) -> Act:
    def act(connection: Connection) -> bytes:
        for _ in range(number):
            connection.say(b"334 VXNlcm5hbWU6\r\n")
            if connection.hear_line() == b"*":
                break
        return b"501 5.7.0 cancelled\r\n"

    return act


def scripts(octets: int) -> Iterator[Script]:
    """C01, C03, C04, C08, C10, C15 and C18, each with so many octets."""
    greetings: list[Saying] = [
        some(b"\x00" * 1024, octets),
        some(b"2" * 1024, octets),
        some(b"220-A\r\n", octets),
        hostile.drip(b"220-a\r\n", every=0.05),
    ]
    yield from (Script(says={"": saying}) for saying in greetings)
    yield Script(says={"EHLO": some(b"250-A\r\n", octets)})
    yield Script(says={"EHLO": some(b"250-" + b"X" * 2000 + b"\r\n", octets)})
    yield Script(tls="starttls", says={"STARTTLS": some(b"220 go\r\n250 x\r\n", octets)})
    for at in ("AUTH", "MAIL", "RCPT", "."):
        yield Script(tls="starttls", auth=("PLAIN",), says={at: some(b"550-" + b"\x1b\xff" * 400 + b"\r\n", octets)})
    yield Script(tls="starttls", auth=("LOGIN",), says={"AUTH": some(b"334 " + b"QUFB" * 2**18 + b"\r\n", octets)})
    yield Script(tls="starttls", auth=("LOGIN",), says={"AUTH": questions(10**6)})
    yield Script(tls="starttls", auth=("PLAIN",), says={"MAIL": some(b"250 OK\r\n", octets)})


def head(octets: int) -> Callable[[socket.socket], None]:
    """C21: a proxy whose answer has so many octets and no end."""

    def act(sock: socket.socket) -> None:
        with suppress(OSError):
            sock.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(octets // 6000 + 1):
                sock.sendall(b"X: y\r\n" * 1000)
            sock.recv(1)

    return act


def servers(octets: int, stack: ExitStack) -> Iterator[str]:
    for script in scripts(octets):
        yield url_of(stack.enter_context(hostile_server(script)), script)
    proxy = stack.enter_context(proxy_server("http", says=head(octets)))
    yield f"smtp://127.0.0.1:25 http://127.0.0.1:{proxy.port}"


@pytest.mark.e2e
@both_faces
def test_memory_and_time_are_bounded(face: Face, tmp_path: Path) -> None:
    """Each ends within its timeout and 0.2 s, and makes the process a mebibyte larger at the most."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority().pem)
    with ExitStack() as stack:
        warm_up, measured = (list(servers(octets, stack)) for octets in (100_000, LONG))
        command = [sys.executable, "-m", "tests.support.measured_client", face.name, str(TIMEOUT), str(ca)]
        done = subprocess.run([*command, *warm_up, "--", *measured], check=True, capture_output=True, timeout=60)
    told = json.loads(done.stdout)

    assert max(each["grown"] for each in told) <= MOST, told
    assert max(each["seconds"] for each in told) <= TIMEOUT + SLACK, told
    assert {"accepted", "CertificateError", "MechanismUnavailable"}.isdisjoint(each["end"] for each in told), told
