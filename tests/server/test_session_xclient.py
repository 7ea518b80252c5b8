"""XCLIENT at the server's door: a trusted proxy names its client, and nobody else does (row S63)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.server.session import Session
from mailward.wire.verbs import XClient
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, PLAINTEXT, STARTTLS, TRUSTED, own_field
from tests.support.talk import Talk

PROXY = "127.0.0.5"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    directory = tmp_path_factory.mktemp("xclient")
    guard = {"delay_first": 0.0, "delay_most": 0.0}
    doors = (IMPLICIT, STARTTLS, PLAINTEXT)
    with EmbeddedServer(directory, listeners=doors, door={"xclient": [PROXY]}, relay=True, guard=guard) as running:
        yield running


def sources(server: EmbeddedServer) -> list[str]:
    """Of the sessions that are open now."""
    return server.call(lambda: [each.source for door in server.server.listeners for each in door.connections])


@pytest.mark.parametrize("line", ["XCLIENT ADDR=127.0.0.1", "XFORWARD ADDR=127.0.0.1", "xclient addr=192.0.2.7"])
def test_others_are_refused(server: EmbeddedServer, line: str) -> None:
    """S63: who is not trusted with it is refused, is not offered it, and stays who it is."""
    with Talk(server.ports[STARTTLS], source="127.0.0.6") as talk:
        assert not any("XCLIENT" in offer for offer in talk.ehlo().lines)
        assert str(talk.say(line)) == "550 5.7.1 Refused"
        assert "127.0.0.6" in sources(server)
        assert talk.say("NOOP").code == 250


def test_the_client_is_the_source(server: EmbeddedServer) -> None:
    """After XCLIENT the session begins anew, as the client's: logins, Received and trust are the client's."""
    with Talk(server.ports[IMPLICIT], source=PROXY, tls=server.trust) as talk:
        assert "XCLIENT NAME ADDR PORT PROTO HELO" in talk.ehlo().lines
        answer = talk.say("XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] HELO=client.example.net LOGIN=bob@example.test")
        assert answer.code == 220
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 503
        assert not any("XCLIENT" in offer for offer in talk.ehlo("proxy.test").lines)
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 530
        assert talk.plain(ANN, "not the right one").code == 535
        assert talk.plain(ANN, PASSWORD).code == 235
        talk.envelope(ANN, BOB)
        queued = talk.data(b"Subject: x\r\n\r\nx\r\n")

    assert {each["source"] for each in server.events("login.failed", "login.succeeded")} == {"203.0.113.7"}
    field = own_field(server.content(queued.queue_id))[0]
    assert b"from client.example.net ([203.0.113.7])" in field


def test_the_client_has_no_say(server: EmbeddedServer) -> None:
    """Once the session is the client's, an XCLIENT in it is the client's word, and refused."""
    with Talk(server.ports[STARTTLS], source=PROXY) as talk:
        talk.ehlo()
        assert talk.say("XCLIENT ADDR=203.0.113.8").code == 220
        for line in ("XCLIENT ADDR=127.0.0.1", f"XCLIENT ADDR={PROXY}"):
            assert talk.say(line).code == 550
        assert "203.0.113.8" in sources(server)
        assert PROXY not in sources(server)


def test_mapped_is_ipv4(server: EmbeddedServer) -> None:
    """S62: a v4-mapped client is the IPv4 client; one with an IPv4 address in it otherwise is not."""
    for said, source in [("IPV6:::ffff:192.0.2.77", "192.0.2.77"), ("IPV6:2002:c000:24d::", "2002:c000:24d::")]:
        with Talk(server.ports[STARTTLS], source=PROXY) as talk:
            talk.answer()
            assert talk.say(f"XCLIENT ADDR={said}").code == 220
            assert source in sources(server)


def test_an_unknown_client(server: EmbeddedServer) -> None:
    """A proxy that does not know its client speaks for itself, and may name one later."""
    with Talk(server.ports[STARTTLS], source=PROXY) as talk:
        talk.answer()
        assert talk.say("XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]").code == 220
        assert PROXY in sources(server)
        assert talk.say("XCLIENT ADDR=203.0.113.9").code == 220
        assert "203.0.113.9" in sources(server)


def test_not_in_a_transaction(server: EmbeddedServer) -> None:
    """In a mail transaction, and malformed, it changes nothing."""
    with Talk(server.ports[IMPLICIT], source=PROXY, tls=server.trust) as talk:
        talk.ehlo()
        assert talk.plain(ANN, PASSWORD).code == 235
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 250
        assert talk.say("XCLIENT ADDR=203.0.113.7").code == 503
        assert talk.say("RSET").code == 250
        assert talk.say("XCLIENT ADDR=localhost").code == 501
        assert PROXY in sources(server)
        assert talk.say("XCLIENT ADDR=203.0.113.7").code == 220
        talk.ehlo()
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 530


def test_trust_is_the_clients(server: EmbeddedServer) -> None:
    """Who may send without a login is decided by the address that was named."""
    for client, code in (("203.0.113.7", 550), (TRUSTED, 250)):
        with Talk(server.ports[PLAINTEXT], source=PROXY) as talk:
            talk.ehlo()
            assert talk.say(f"XCLIENT ADDR={client}").code == 220
            talk.ehlo()
            assert talk.say(f"MAIL FROM:<{ANN}>").code == code


def test_clients_are_counted(tmp_path: Path) -> None:
    """The limit of connections is the client's; one too many is told and ended."""
    limits = {"connections_per_network": 2}
    with EmbeddedServer(
        tmp_path, listeners=(STARTTLS,), accounts={}, door={"xclient": [PROXY]}, limits=limits
    ) as server:
        talks = [Talk(server.ports[STARTTLS], source=PROXY) for _ in range(4)]
        assert [talk.answer().code for talk in talks] == [220] * 4
        assert [talk.say("XCLIENT ADDR=203.0.113.7").code for talk in talks[:3]] == [220, 220, 421]
        assert talks[2].ended()
        talks[0].say("QUIT")
        assert talks[0].ended()
        assert talks[3].say("XCLIENT ADDR=203.0.113.7").code == 220
        for talk in talks:
            talk.socket.close()


@pytest.mark.e2e
@pytest.mark.peer("swaks")
def test_swaks(server: EmbeddedServer) -> None:
    """A real client's XCLIENT, in clear before STARTTLS, is understood and outlives it."""
    where = ["--server", "127.0.0.1", "--port", str(server.ports[STARTTLS]), "--local-interface", PROXY, "--tls"]
    what = ["--from", ANN, "--to", BOB, "--auth", "PLAIN", "--auth-user", ANN, "--auth-password", PASSWORD]
    said = ["--xclient-addr", "IPV6:2001:db8::99", "--xclient-name", "client.example.net"]
    done = subprocess.run(["swaks", *where, *what, *said], check=False, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2001:db8::99" in {each["source"] for each in server.events("login.succeeded")}


def test_client_whose_address_nobody_knows(server: EmbeddedServer) -> None:
    """The proxy's own network, which need not log in, and its certificate are not its client's."""
    door = server.server.listeners[0].door
    session = server.call(lambda: Session(server.services, door, PROXY))
    session._without_login = True
    session.secured("TLSv1.3", "any", b"the certificate of the proxy")

    assert session.handle(XClient((("ADDR", None), ("HELO", "client.example.net")))) is not None

    assert not session.trusted
    assert session._peer().certificate is None


def test_tls_that_the_proxy_begins_for_its_client(server: EmbeddedServer) -> None:
    """XCLIENT first and STARTTLS then: the certificate in that handshake is the proxy's all the same."""
    door = server.server.listeners[0].door
    session = server.call(lambda: Session(server.services, door, PROXY))
    assert session.handle(XClient((("ADDR", "203.0.113.7"),))) is not None
    session.secured("TLSv1.3", "any", b"the certificate of the proxy")

    assert session._peer().certificate is None
    assert session._offer() is door.ehlo_secured
