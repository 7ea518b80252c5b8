"""An open door: the socket with its owner and mode, and the connections that came through it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import logging
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from mailward.errors import InvalidConfig
from mailward.integrations.address import DoorAddress

_BACKLOG = 256
_TURNS = 3  # of the loop from accept(2) to a connection we know of; a server closed meanwhile would lose it, open
_UNREAD = 1 << 20  # octets of answers that a client may leave unread
_log = logging.getLogger("mailward.integrations")


@dataclass(frozen=True, slots=True)
class SocketAccess:
    """Who may use a Unix socket. group: its name or number, None for our own."""

    mode: int = 0o660
    group: str | None = None


class Conversation(Protocol):
    """One connection's side of a protocol. `lost` is called once, at its end."""

    def received(self, data: bytes) -> None: ...

    def lost(self) -> None: ...


class Channel(Protocol):
    """What a conversation says goes out here; `close` after what was written."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Connection(asyncio.Protocol):
    """Carries a conversation. A client that does not read what it asked for is cut off."""

    def __init__(self, make: Callable[[Channel], Conversation], open_: set[Connection], most: int) -> None:
        self._make = make
        self._open = open_
        self._most = most
        self._conversation: Conversation | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._open) >= self._most:
            _log.warning("a door has %d connections, which is the most; another was closed", self._most)
            transport.close()
            return
        self._open.add(self)
        self._conversation = self._make(self)

    def data_received(self, data: bytes) -> None:
        if self._conversation is not None and self._transport is not None and not self._transport.is_closing():
            self._conversation.received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        self._open.discard(self)
        if self._conversation is not None:
            self._conversation.lost()

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > _UNREAD:
            transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class OpenDoor:
    """`name`: the key of its setting. `address`: where it is, the real port too, once it has started.

    factory: a protocol for each connection. leave: called when it closes, to end them.
    """

    def __init__(
        self,
        name: str,
        address: DoorAddress,
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        leave: Callable[[], Awaitable[None]],
    ) -> None:
        self.name = name
        self.address = address
        self._factory = factory
        self._leave = leave
        self._server: asyncio.Server | None = None

    @classmethod
    def of(
        cls,
        name: str,
        address: DoorAddress,
        make: Callable[[Channel], Conversation],
        *,
        most: int = 500,
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> OpenDoor:
        """A door of conversations, at most so many at a time. finish: what they have left under way when it closes."""
        open_: set[Connection] = set()

        async def leave() -> None:
            for connection in list(open_):
                connection.close()
            await asyncio.sleep(0)
            if finish is not None:
                await finish()

        return cls(name, address, lambda: Connection(make, open_, most), leave=leave)

    async def start(self, loop: asyncio.AbstractEventLoop, access: SocketAccess) -> None:
        """Let clients in. Raises InvalidConfig."""
        key = f"doors.{self.name}"
        try:
            if self.address.path is None:
                self._server = await loop.create_server(
                    self._factory, self.address.host, self.address.port, backlog=_BACKLOG
                )
                port = self._server.sockets[0].getsockname()[1]
                self.address = DoorAddress(host=self.address.host, port=port)
            else:
                await self._start_at(self.address.path, loop, access)
        except OSError as problem:
            await self.close()
            raise InvalidConfig(
                f"{key}: cannot listen on {self.address}: {problem.strerror or problem}",
                key=key,
                advice="the folder must exist and be ours to write in; the port must be free",
            ) from problem

    async def _start_at(self, path: Path, loop: asyncio.AbstractEventLoop, access: SocketAccess) -> None:
        """Nobody can connect before the socket has its owner and mode: it listens only then."""
        await self._make_way(path, loop)
        server = await loop.create_unix_server(self._factory, str(path), backlog=_BACKLOG, start_serving=False)
        self._server = server
        _hand_over(path, access)
        await server.start_serving()

    async def _make_way(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        """A socket nobody listens on is what a crash left behind; any other file is not ours to remove."""
        if not _is_socket(path):
            return
        try:
            transport, _ = await loop.create_unix_connection(asyncio.Protocol, str(path))
        except ConnectionRefusedError:
            _remove(path)
            return
        transport.close()
        raise FileExistsError(errno.EADDRINUSE, "another program listens there")

    async def close(self) -> None:
        """No new connections, and those there are end. Safe to call twice."""
        server, self._server = self._server, None
        if server is None:
            return
        for socket_ in server.sockets:
            server.get_loop().remove_reader(socket_.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        await self._leave()
        if self.address.path is not None:
            _remove(self.address.path)


def _is_socket(path: Path) -> bool:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(kind):
        raise FileExistsError(errno.EEXIST, "there is a file of this name, and it is no socket")
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _hand_over(path: Path, access: SocketAccess) -> None:
    if access.group is not None:
        os.chown(path, -1, _group(access.group))
    path.chmod(access.mode)


def _group(name: str) -> int:
    try:
        return int(name) if name.isascii() and name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise InvalidConfig(f"doors.socket_group: there is no group {name!r}", key="doors.socket_group") from None
