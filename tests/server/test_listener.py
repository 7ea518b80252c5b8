"""Opening an address, and nobody taking more than their share of the connections."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from mailward.errors import InvalidConfig
from mailward.server.listener import Admission
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import IMPLICIT, PLAINTEXT, STARTTLS, TRUSTED, until
from tests.support.talk import Talk

RING = "ip:192.0.2.7"


def test_port_in_use(tmp_path: Path) -> None:
    """A port that another program listens on is refused, with the key and what to do, and nothing stays open."""
    server = EmbeddedServer(tmp_path, listeners=(STARTTLS, IMPLICIT), accounts={})
    with socket.create_server(("127.0.0.1", 0)) as other:
        server.ports = {STARTTLS: 0, IMPLICIT: other.getsockname()[1]}
        with pytest.raises(InvalidConfig, match="another program listens there") as caught:
            server.start()

        assert caught.value.key == "listener[1].address"
        assert not (tmp_path / "state").exists()
        assert f"127.0.0.1:{server.ports[IMPLICIT]}" in caught.value.message
        assert "port" in caught.value.advice
    with server:
        assert server.server.listeners[1].address == f"127.0.0.1:{server.ports[IMPLICIT]}"


def test_address_of_another_machine(tmp_path: Path) -> None:
    """An address that this machine does not have is refused in as many words."""
    server = EmbeddedServer(tmp_path, host="192.0.2.1", accounts={})

    with pytest.raises(InvalidConfig, match="this machine does not have that address"):
        server.start()


@pytest.mark.parametrize(
    ("number", "says"), [(13, "ports below 1024 need the capability CAP_NET_BIND_SERVICE"), (22, "Invalid argument")]
)
def test_other_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str) -> None:
    """What else the system says is told, with what it means where that is known."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, "Invalid argument")

    monkeypatch.setattr("mailward.server.listener.socket.create_server", refuse)
    with pytest.raises(InvalidConfig, match=re.escape(says)):
        EmbeddedServer(tmp_path, accounts={}).start()


def test_ipv6(tmp_path: Path) -> None:
    """An IPv6 address is written in brackets, in the events too, and serves IPv6 only."""
    with EmbeddedServer(tmp_path, host="::1", listeners=(PLAINTEXT,)) as server:
        (opened,) = server.server.listeners
        with Talk(server.ports[PLAINTEXT], host="::1") as talk:
            talk.ehlo()

        assert opened.address == opened.door.name == f"[::1]:{server.ports[PLAINTEXT]}"


def test_connections_of_one_network(tmp_path: Path) -> None:
    """One network has so many connections over all listeners; who needs no login may have more; others do not mind."""
    limits = {"connections_per_network": 2}
    with EmbeddedServer(tmp_path, listeners=(STARTTLS, PLAINTEXT), relay=True, limits=limits) as server:
        first, second = Talk(server.ports[STARTTLS]), Talk(server.ports[PLAINTEXT])
        with first, second:
            assert [first.answer().code, second.answer().code] == [220, 220]
            with Talk(server.ports[STARTTLS]) as third:
                assert str(third.answer()) == "421 4.7.0 Too many connections"
                assert third.ended()
            with Talk(server.ports[STARTTLS], source="127.0.0.2") as other:
                assert other.answer().code == 220
            trusted = [Talk(server.ports[PLAINTEXT], source=TRUSTED) for _ in range(4)]
            assert [each.answer().code for each in trusted] == [220] * 4
            for each in trusted:
                each.socket.close()
        until(lambda: not any(each.connections for each in server.server.listeners))
        with Talk(server.ports[STARTTLS]) as talk:
            assert talk.answer().code == 220


def test_connections_in_all(tmp_path: Path) -> None:
    """Over the limit in all everyone is refused, at an implicit TLS door too, until someone leaves."""
    with EmbeddedServer(tmp_path, listeners=(IMPLICIT, PLAINTEXT), limits={"connections": 2}) as server:
        with Talk(server.ports[IMPLICIT], tls=server.trust), Talk(server.ports[PLAINTEXT], source="127.0.0.2"):
            for port in server.ports.values():
                with Talk(port, source="127.0.0.3") as talk:
                    assert talk.answer().code == 421
        until(lambda: not any(each.connections for each in server.server.listeners))
        with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
            assert talk.answer().code == 220


def test_admission_forgets_who_left() -> None:
    """What is counted is who is there; nothing is kept of those who went."""
    admission = Admission(most=10, most_of_ring=1)

    assert admission.enter(RING, trusted=False) is None
    assert admission.enter(RING, trusted=False) is not None
    admission.leave(RING)
    admission.leave(RING)
    assert admission.enter(RING, trusted=False) is None
    admission.leave(RING)
    assert not admission._rings
