"""Row S61 at the server's door: a trusted proxy names its client, by PROXY header, and nobody else does (S60)."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailward.errors import ProtocolError
from mailward.server import connection, introduction
from mailward.server.introduction import Introduction
from mailward.wire.proxy import SIGNATURE
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, PLAINTEXT, STARTTLS, TRUSTED, own_field, until
from tests.support.proxy_header import checksummed, v1, v2
from tests.support.talk import Talk

PROXY = "127.0.0.5"
ELSEWHERE = ("198.51.100.1", 40_000, 465)
WRITERS = (v1, v2, checksummed)
Write = Callable[[str, str, int, int], bytes]
_clients = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    directory = tmp_path_factory.mktemp("introduction")
    doors = (IMPLICIT, STARTTLS, PLAINTEXT)
    door = {"proxy": [f"{PROXY}/32"]}
    guard = {"delay_first": 0.0, "delay_most": 0.0}
    with EmbeddedServer(directory, listeners=doors, door=door, relay=True, guard=guard) as running:
        yield running


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """A server that waits for a header a third of a second."""
    monkeypatch.setattr(connection, "PATIENCE", 0.3)
    with EmbeddedServer(tmp_path, listeners=(STARTTLS,), accounts={}, door={"proxy": [f"{PROXY}/32"]}) as running:
        yield running


def proxied(server: EmbeddedServer, door: str, header: bytes) -> Talk:
    talk = Talk(server.ports[door], source=PROXY)
    talk.write(header)
    return talk


def sources(server: EmbeddedServer) -> list[str]:
    """Of the sessions that are open now."""
    return server.call(lambda: [each.source for door in server.server.listeners for each in door.connections])


def test_header_in_pieces() -> None:
    """What comes with the header and after it is the client's; a second header is an end."""
    waiting = Introduction()
    header = v1("192.0.2.7", *ELSEWHERE)

    assert waiting.hear(header[:5]) is None
    heard = waiting.hear(header[5:] + b"EHLO x\r\n")
    assert heard is not None
    assert heard[1] == b"EHLO x\r\n"
    for first, second in itertools.product(WRITERS, WRITERS):
        with pytest.raises(ProtocolError, match="second"):
            Introduction().hear(first("192.0.2.7", *ELSEWHERE) + second("192.0.2.8", *ELSEWHERE))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("door", [IMPLICIT, STARTTLS])
def test_the_client_is_the_source(server: EmbeddedServer, write: Write, door: str) -> None:
    """The header comes before TLS and before the greeting; logins and mail are then the client's."""
    client = next(_clients)
    with proxied(server, door, write(client, *ELSEWHERE)) as talk:
        if door == IMPLICIT:
            talk.secure(server.trust)
        talk.ehlo()
        if door == STARTTLS:
            talk.starttls(server.trust)
            talk.ehlo()
        assert talk.plain(ANN, f"not the one of {client}").code == 535
        assert talk.plain(ANN, PASSWORD).code == 235
        talk.envelope(ANN, BOB)
        answer = talk.data(b"Subject: x\r\n\r\nx\r\n")

    (failed,) = [each for each in server.events("login.failed") if each["source"] == client]
    assert failed["reason"] == "bad-password"
    field = own_field(server.content(answer.queue_id))[0]
    assert f"([{client}])".encode() in field
    assert PROXY.encode() not in field


def test_mapped_is_ipv4(server: EmbeddedServer) -> None:
    """S61, S62: a v4-mapped client is the IPv4 client; one with an IPv4 address in it otherwise is not."""
    for said, source in [("::ffff:192.0.2.77", "192.0.2.77"), ("64:ff9b::c000:24d", "64:ff9b::c000:24d")]:
        for write in (v1, v2):
            with proxied(server, STARTTLS, write(said, "2001:db8::1", 1, 2)) as talk:
                assert talk.answer().code == 220
                assert source in sources(server)


@pytest.mark.parametrize("header", [SIGNATURE + b"\x20\0\0\0", SIGNATURE + b"\x21\0\0\0", b"PROXY UNKNOWN\r\n"])
def test_a_proxy_that_speaks_for_itself(server: EmbeddedServer, header: bytes) -> None:
    """S61: LOCAL, UNSPEC and UNKNOWN keep the real address."""
    with proxied(server, STARTTLS, header) as talk:
        assert talk.ehlo().code == 250
        assert PROXY in sources(server)


@pytest.mark.parametrize("door", [IMPLICIT, STARTTLS])
@pytest.mark.parametrize(
    "octets",
    [
        b"PROXY TCP4 " + b"1" * 96,
        SIGNATURE + b"\x21\x11\xff\xff",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\0",
        checksummed("192.0.2.7", *ELSEWHERE)[:-4] + b"x" + checksummed("192.0.2.7", *ELSEWHERE)[-3:],
        v1("192.0.2.7", *ELSEWHERE) + v1("192.0.2.8", *ELSEWHERE),
        v2("192.0.2.7", *ELSEWHERE) + v2("192.0.2.8", *ELSEWHERE),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 25\n",
        b"EHLO client.test\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["107", "length", "udp", "checksum", "two", "two-v2", "bare-lf", "smtp", "tls"],
)
def test_no_header_ends_it(server: EmbeddedServer, door: str, octets: bytes) -> None:
    """S61: whatever else a trusted proxy begins with, it hears nothing and is closed."""
    with proxied(server, door, octets) as talk:
        assert talk.ended()


def test_no_header_in_time(hasty: EmbeddedServer) -> None:
    """S61: silence, and a header that drips, end when the time is over; nobody is greeted meanwhile."""
    for said in (b"", b"PROXY TCP4 192."):
        began = time.monotonic()
        with proxied(hasty, STARTTLS, said) as talk:
            assert talk.ended()
        assert 0.25 < time.monotonic() - began < 3
    until(lambda: not sources(hasty))


def test_the_patience_is_five_seconds() -> None:
    """S61: as the table of bad inputs says."""
    assert introduction.PATIENCE == 5.0


@pytest.mark.parametrize("header", [b"PROXY TCP4 10.0.0.1 10.0.0.2 1 25\r\n", b"PROXY UNKNOWN\r\n"])
def test_who_is_not_trusted_is_not_believed(server: EmbeddedServer, header: bytes) -> None:
    """S60: to anybody else it is a command that we do not know, and the address stays the real one."""
    for door in (STARTTLS, PLAINTEXT):
        with Talk(server.ports[door], source="127.0.0.6") as talk:
            talk.answer()
            assert talk.say(header.removesuffix(b"\r\n")).code == 500
            assert "127.0.0.6" in sources(server)


def test_the_client_cannot_add_a_header(server: EmbeddedServer) -> None:
    """A line of the client's own, through the proxy, is a command that we do not know."""
    client = next(_clients)
    with proxied(server, STARTTLS, v1(client, *ELSEWHERE)) as talk:
        talk.answer()
        assert talk.say("PROXY TCP4 10.0.0.1 10.0.0.2 1 25").code == 500
        assert client in sources(server)


def test_a_proxy_lends_no_trust(server: EmbeddedServer) -> None:
    """Who may send without a login is decided by the client's address, not by the proxy's."""
    with proxied(server, PLAINTEXT, v1("192.0.2.7", *ELSEWHERE)) as talk:
        talk.ehlo()
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 550
    with proxied(server, PLAINTEXT, v1(TRUSTED, *ELSEWHERE)) as talk:
        talk.ehlo()
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 250


def test_clients_are_counted_and_the_proxy_is_not(tmp_path: Path) -> None:
    """The connections of one client are limited behind a proxy too; those of the proxy itself are not."""
    limits = {"connections_per_network": 2}
    with EmbeddedServer(tmp_path, listeners=(STARTTLS,), door={"proxy": [PROXY]}, limits=limits) as server:
        answers = []
        talks = []
        for client in ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8", "UNKNOWN", "UNKNOWN", "UNKNOWN"):
            header = b"PROXY UNKNOWN\r\n" if client == "UNKNOWN" else v1(client, *ELSEWHERE)
            talks.append(proxied(server, STARTTLS, header))
            answers.append(talks[-1].answer().code)
        for talk in talks:
            talk.socket.close()
        assert answers == [220, 220, 421, 220, 220, 220, 220]
        until(lambda: not sources(server))
        with proxied(server, STARTTLS, v1("192.0.2.7", *ELSEWHERE)) as talk:
            assert talk.answer().code == 220


def test_the_client_is_banned_and_the_proxy_is_not(tmp_path: Path) -> None:
    """Guesses through a proxy close the door to their client; another client, and the proxy itself, still come in."""
    guard = {"source_failures": 2, "delay_first": 0.0, "delay_most": 0.0}
    with EmbeddedServer(tmp_path, listeners=(IMPLICIT,), door={"proxy": [PROXY]}, guard=guard) as server:

        def log_in(header: bytes, password: str) -> int:
            with proxied(server, IMPLICIT, header) as talk:
                talk.secure(server.trust)
                talk.ehlo()
                return talk.plain(ANN, password).code

        bad = v1("192.0.2.7", *ELSEWHERE)
        assert [log_in(bad, f"wrong {number}") for number in range(3)] == [535, 535, 454]
        assert log_in(bad, PASSWORD) == 454
        assert log_in(v2("198.51.100.7", *ELSEWHERE), PASSWORD) == 235
        for number in range(4):
            log_in(b"PROXY UNKNOWN\r\n", f"worse {number}")
        subjects = {ban["subject"] for ban in server.events("ban.added")}
        assert not any(subject.startswith(f"ip:{PROXY}") for subject in subjects)
        assert any(subject.startswith("ip:192.0.2.7") for subject in subjects)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.e2e
@pytest.mark.peer("swaks")
def test_swaks(server: EmbeddedServer, version: int) -> None:
    """A real client's PROXY headers, of both versions, are understood."""
    client = next(_clients)
    said = f"{version}".join(("--proxy-version ", " --proxy-family ")) + ("TCP4" if version == 1 else "AF_INET")
    said += " --proxy-source " + client + " --proxy-source-port 1025 --proxy-dest 198.51.100.1 --proxy-dest-port 465"
    said += "" if version == 1 else " --proxy-command PROXY --proxy-protocol STREAM"
    where = [
        "--server",
        "127.0.0.1",
        "--port",
        str(server.ports[IMPLICIT]),
        "--local-interface",
        PROXY,
        "--tls-on-connect",
    ]
    what = ["--from", ANN, "--to", BOB, "--auth", "PLAIN", "--auth-user", ANN, "--auth-password", PASSWORD]
    done = subprocess.run(
        ["swaks", *where, *what, *said.split()], check=False, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert client in {each["source"] for each in server.events("login.succeeded")}


@pytest.mark.e2e
@pytest.mark.peer("curl")
def test_curl(server: EmbeddedServer) -> None:
    """Curl speaks for itself with version 1, before its TLS."""
    where = f"smtps://localhost:{server.ports[IMPLICIT]}"
    command = ["curl", "--silent", "--show-error", "--haproxy-protocol", "--interface", PROXY, "--ipv4", where]
    command += ["--cacert", str(server.ca), "--user", f"{ANN}:{PASSWORD}", "--mail-from", ANN, "--mail-rcpt", BOB]
    done = subprocess.run(
        [*command, "--upload-file", "-"],
        input="Subject: x\r\n\r\nx\r\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert PROXY in {each["source"] for each in server.events("login.succeeded")}
