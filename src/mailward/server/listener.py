"""A listening socket and the connections that came through it; nobody may take more than their share of them."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mailward.errors import InvalidConfig
from mailward.guard.source import ring
from mailward.server.connection import Connection
from mailward.wire import reply as replies
from mailward.wire.reply import Reply

if TYPE_CHECKING:
    from mailward.server.config import ListenerConfig
    from mailward.server.door import Door
    from mailward.server.services import Services

_READ = 65_536  # octets taken from a socket at a time


class Admission:
    """Counts the connections of all listeners, in all and of each source ring."""

    def __init__(self, *, most: int, most_of_ring: int) -> None:
        self._most = most
        self._most_of_ring = most_of_ring
        self._rings: Counter[str] = Counter()
        self._total = 0

    def enter(self, ring_: str, *, trusted: bool) -> Reply | None:
        self._total += 1
        self._rings[ring_] += 1
        if self._total > self._most or (self._rings[ring_] > self._most_of_ring and not trusted):
            return replies.TOO_MANY_CONNECTIONS
        return None

    def leave(self, ring_: str) -> None:
        self._total -= 1
        self._rings[ring_] -= 1
        if not self._rings[ring_]:
            del self._rings[ring_]


class Listener:
    """`address`: where it listens, known after `open` (port 0 is any free one)."""

    def __init__(
        self, services: Services, door: Door, config: ListenerConfig, admission: Admission, *, key: str
    ) -> None:
        self.services = services
        self.loop = services.loop
        self.door = door
        self._config = config
        self._admission = admission
        self._key = key
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, str] = {}
        self.buffer = bytearray(_READ)
        self.view = memoryview(self.buffer)

    @property
    def address(self) -> str:
        if self._server is None:
            return self._config.address
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def connections(self) -> list[Connection]:
        return list(self._connections)

    async def open(self) -> None:
        """Take the address. Raises InvalidConfig when it cannot be had."""
        host, port = self._config.host, self._config.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._server = await self.loop.create_server(
                lambda: Connection(self), host, port, family=family, backlog=1024, start_serving=False
            )
        except OSError as problem:
            raise InvalidConfig(
                f"cannot listen on {self._config.address}: {_why(problem)}",
                key=self._key,
                advice="stop the program that has the port, or choose another port",
            ) from problem
        self.door = replace(self.door, name=self.address)

    async def start(self) -> None:
        """Let clients in."""
        if self._server is not None:
            await self._server.start_serving()

    def admit(self, connection: Connection) -> Reply | None:
        """Count a new connection; the reply that refuses it, if it is one too many."""
        session = connection.session
        ring_ = ring(session.source)
        self._connections[connection] = ring_
        return self._admission.enter(ring_, trusted=session.trusted)

    def left(self, connection: Connection) -> None:
        ring_ = self._connections.pop(connection, None)
        if ring_ is not None:
            self._admission.leave(ring_)

    def close(self) -> None:
        """No new connections; those there are stay."""
        if self._server is not None:
            self._server.close()


def _why(problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return "another program listens there"
    if problem.errno == errno.EACCES:
        return "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
    if problem.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    return problem.strerror or str(problem)
