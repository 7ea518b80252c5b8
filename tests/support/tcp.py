"""A TCP server for one connection at a time, whose side of the talk is a function run in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


ipv6 = pytest.param("::1", marks=pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6"))


@dataclass
class Listening:
    """`port` to connect to; `errors` of the server's side, empty in a good test."""

    port: int
    host: str
    errors: list[BaseException] = field(default_factory=list)


@contextlib.contextmanager
def tcp_server(
    talk: Callable[[socket.socket], None], *, host: str = "127.0.0.1", connections: int = 1
) -> Iterator[Listening]:
    """Runs `talk` on each of `connections` accepted sockets, one after the other."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    listening = Listening(listener.getsockname()[1], host)

    def serve() -> None:
        for _ in range(connections):
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            with sock:
                try:
                    talk(sock)
                except OSError:
                    continue
                except BaseException as error:  # noqa: BLE001 - the test must see it, not the thread's excepthook
                    listening.errors.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
    if listening.errors:
        raise listening.errors[0]
