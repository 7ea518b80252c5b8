"""Which of the two ways a port is secured."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from mailward.audit import channel
from mailward.client.tls_mode import TlsMode
from mailward.errors import ConnectError
from mailward.net.blocking import BlockingPorts, run_blocking


@contextmanager
def listener(first: bytes | None) -> Iterator[int]:
    """Says `first`, or waits to be spoken to."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            if first:
                connection.sendall(first)
            with suppress(ConnectionResetError):
                assert connection.recv(10) == b""

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("first, mode", [(b"220 x\r\n", TlsMode.STARTTLS), (None, TlsMode.IMPLICIT)])
def test_who_speaks_first(first: bytes | None, mode: TlsMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that greets wants STARTTLS, one that waits wants TLS at once; nothing is said to either."""
    monkeypatch.setattr(channel, "_GREETING_TIME", 0.2)
    with listener(first) as port:
        assert run_blocking(channel.mode_of("127.0.0.1", port, BlockingPorts())) is mode


@pytest.mark.parametrize("port, mode", [(465, TlsMode.IMPLICIT), (587, TlsMode.STARTTLS), (25, TlsMode.STARTTLS)])
def test_well_known_ports(port: int, mode: TlsMode) -> None:
    """Nobody is asked where the port says it."""
    assert run_blocking(channel.mode_of("127.0.0.1", port, BlockingPorts())) is mode


def test_nobody_there() -> None:
    """A closed port is an error."""
    with pytest.raises(ConnectError):
        run_blocking(channel.mode_of("127.0.0.1", 1, BlockingPorts()))
