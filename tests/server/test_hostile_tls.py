"""Row S57 of the bad inputs: what a TLS client may begin with, and what becomes of it."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, IMPLICIT, PASSWORD, STARTTLS
from tests.support.talk import Talk

DOORS = (IMPLICIT, STARTTLS)
EMPTY_RECORD = b"\x16\x03\x01\x00\x00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("tls")) as running:
        yield running


def before_tls(server: EmbeddedServer, door: str) -> Talk:
    """A connection on which a handshake is awaited."""
    talk = Talk(server.ports[door])
    if door == STARTTLS:
        talk.ehlo()
        assert talk.say("STARTTLS").code == 220
    return talk


def hello(name: bytes) -> bytes:
    """A ClientHello of TLS 1.2 with this server name."""
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    names = len(entry).to_bytes(2, "big") + entry
    extensions = b"\0\0" + len(names).to_bytes(2, "big") + names
    extensions += b"\0\x0a\0\x04\0\x02\0\x1d" + b"\0\x0d\0\x06\0\x04\x04\x03\x08\x04"
    body = b"\x03\x03" + os.urandom(32) + b"\0" + b"\0\x04\xc0\x2b\xc0\x2f" + b"\x01\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    pieces = [handshake[at : at + 16_384] for at in range(0, len(handshake), 16_384)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "words",
    [
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"c" * 16,
        b"\x16\x03\x00\x00\x05\x01\x00\x00\x01\x03",
        b"\x15\x03\x01\x00\x02\x02\x28",
        EMPTY_RECORD * 10_000,
        b"\x16\x03\x01\xff\xff" + b"x" * 65_535,
        b"GET / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n",
    ],
    ids=["SSLv2", "SSLv3", "alert", "empty records", "too long a record", "HTTP"],
)
def test_what_is_no_hello(server: EmbeddedServer, door: str, words: bytes) -> None:
    """S57: an alert and the end at once, with no word of SMTP, and no time spent on it."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with before_tls(server, door) as talk:
        with contextlib.suppress(ConnectionError):
            talk.write(words)
        rest = talk.rest(5)

    assert rest == b"" or rest.startswith(b"\x15\x03")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - used < 1


@pytest.mark.parametrize(
    "name", [b"a" * 65_000, b"mail\0.example.test", b"", b"\xff" * 300], ids=lambda name: str(len(name))
)
def test_absurd_server_names(server: EmbeddedServer, name: bytes) -> None:
    """S57: 64 KiB of a name, a NUL in it, none at all: an alert, or a handshake that names nobody; never a fault."""
    with before_tls(server, IMPLICIT) as talk:
        talk.write(hello(name))
        talk.socket.shutdown(socket.SHUT_WR)
        rest = talk.rest(5)

    assert rest == b"" or rest[:1] in {b"\x15", b"\x16"}


def test_no_server_name_is_fine(server: EmbeddedServer) -> None:
    """S57: a client that names no server is served; its certificate is checked by what it knows."""
    context = server.trust
    context.check_hostname = False
    bare = socket.create_connection(("127.0.0.1", server.ports[IMPLICIT]), 10)
    with bare, context.wrap_socket(bare) as secured:
        assert secured.recv(4) == b"220 "


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.parametrize("door", DOORS)
def test_old_versions(server: EmbeddedServer, door: str, version: ssl.TLSVersion) -> None:
    """S57: TLS 1.0 and 1.1 end in an alert, at each door."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with before_tls(server, door) as talk, pytest.raises((ssl.SSLError, ConnectionError)):
        talk.secure(context)


def test_a_browser_is_no_client(server: EmbeddedServer) -> None:
    """S57: what a web page makes a browser send is the end of the session, whatever protocol it asked for (ALPACA)."""
    context = server.trust
    context.set_alpn_protocols(["http/1.1"])
    talk = Talk(server.ports[IMPLICIT])
    with talk:
        try:
            talk.secure(context)
        except (ssl.SSLError, ConnectionError):
            return  # refused in the handshake, the better way
        assert isinstance(talk.socket, ssl.SSLSocket)
        assert talk.socket.selected_alpn_protocol() is None
        assert talk.answer().code == 220
        body = f"EHLO x\r\nAUTH PLAIN AGFubgBwdw==\r\nMAIL FROM:<{ANN}>\r\n"
        talk.write(b"POST / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n" + body.encode())
        assert talk.answer().code == 421
        assert talk.rest() == b""


def test_a_ticket_of_another_listener(server: EmbeddedServer) -> None:
    """S57: a TLS session begun at one listener gives nothing at another: nobody is logged in by it."""
    context = server.trust
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Talk(server.ports[IMPLICIT], tls=context) as first:
        first.ehlo()
        assert first.plain(ANN, PASSWORD).code == 235
        assert isinstance(first.socket, ssl.SSLSocket)
        ticket = first.socket.session
    with before_tls(server, STARTTLS) as second:
        second.socket = context.wrap_socket(second.socket, server_hostname="localhost", session=ticket)
        second.ehlo()
        assert second.say(f"MAIL FROM:<{ANN}>").code == 530


@pytest.mark.e2e
def test_no_renegotiation(server: EmbeddedServer) -> None:
    """S57: TLS 1.2 offers a second handshake on one connection; we do none."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.ports[IMPLICIT]}", "-tls1_2", "-crlf"]
    done = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=20, check=False)

    assert "RENEGOTIATING" in done.stderr + done.stdout
    assert "no renegotiation" in (done.stderr + done.stdout).lower()


@pytest.mark.e2e
@pytest.mark.slow
def test_key_updates_without_end(server: EmbeddedServer) -> None:
    """S57: a client that asks for new keys again and again gets them, and costs next to nothing."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.ports[IMPLICIT]}", "-tls1_3", "-crlf"]
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        assert client.stdin is not None
        for _ in range(1000):
            client.stdin.write(b"K\n")
            client.stdin.flush()
            time.sleep(0.001)  # what is typed together is one command to it
        client.stdin.write(b"noop\n")
        client.stdin.flush()
        time.sleep(0.5)
        said, told = client.communicate(timeout=20)

    assert (said + told).count(b"KEYUPDATE") > 100
    assert b"250 2.0.0" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - used < 2
