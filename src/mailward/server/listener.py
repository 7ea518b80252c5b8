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

_BACKLOG = 1024
_TURNS = 3  # of the loop from accept(2) to a connection we know of; a server closed meanwhile would lose it, open
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


def take_address(config: ListenerConfig, *, key: str) -> socket.socket:  # noqa: TID251  # asyncio cannot take it first and serve later
    """The listening socket; clients that connect now wait for `Listener.start`. Raises InvalidConfig for `key`."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        taken = socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
        # For each connection: a reply must not wait for the acknowledgement of the one before, and asyncio sees to
        # that only for the sockets it makes itself.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return taken
    except OSError as problem:
        raise InvalidConfig(
            f"cannot listen on {config.address}: {_why(problem)}",
            key=key,
            advice="stop the program that has the port, or choose another port",
        ) from problem


def address_of(taken: socket.socket) -> str:  # noqa: TID251  # only named
    """Where it listens, the real port too: what events call the listener."""
    host, port = taken.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Listener:
    """`taken`: the socket, from `take_address`. `address`: where it listens, the real port too."""

    def __init__(self, services: Services, door: Door, taken: socket.socket, admission: Admission) -> None:  # noqa: TID251
        self.address = address_of(taken)
        self.services = services
        self.loop = services.loop
        self.door = replace(door, name=self.address)
        self._taken = taken
        self._admission = admission
        self._server: asyncio.Server | None = None
        self._closed = False
        self._connections: dict[Connection, str] = {}
        self.buffer = bytearray(_READ)
        self.view = memoryview(self.buffer)

    @property
    def connections(self) -> list[Connection]:
        return list(self._connections)

    async def start(self) -> None:
        """Let clients in."""
        self._server = await self.loop.create_server(lambda: Connection(self), sock=self._taken, backlog=_BACKLOG)

    def expect(self, connection: Connection) -> None:
        """A proxy has connected and will say for whom; until then it counts as nobody's."""
        self._connections[connection] = ""

    def admit(self, connection: Connection) -> Reply | None:
        """Count a connection now that its client is known, or is another; the reply that refuses one too many."""
        session = connection.session
        ring_ = ring(session.source)
        self.left(connection)
        self._connections[connection] = ring_
        trusted = session.trusted or session.source in self.door.proxy or session.source in self.door.xclient
        refusal = self._admission.enter(ring_, trusted=trusted)
        return replies.SHUTTING_DOWN if self._closed else refusal

    def left(self, connection: Connection) -> None:
        ring_ = self._connections.pop(connection, None)
        if ring_:
            self._admission.leave(ring_)

    async def close(self) -> None:
        """No new connections: one that was on its way is sent off. Those there are stay."""
        self._closed = True
        if self._server is None:
            return
        self.loop.remove_reader(self._taken)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._server.close()


def _why(problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return "another program listens there"
    if problem.errno == errno.EACCES:
        return "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
    if problem.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    return problem.strerror or str(problem)
