"""The ports on plain blocking sockets, and the step that runs a flow on them without an event loop.

A socket is non-blocking underneath and every wait is one `poll` bounded by `within`, so no call outlives its
deadline. No thread and no loop is involved, which is why it also works inside a running asyncio loop.
"""

from __future__ import annotations

import errno
import math
import os
import queue
import select
import socket
import time
from typing import TYPE_CHECKING, TypeVar

from mailward.errors import ConnectionLost, DnsError
from mailward.net.attempts import Attempts
from mailward.net.clock import Clock
from mailward.net.ports import too_late
from mailward.net.resolve import Address, Answer, literal, look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def run_blocking(coroutine: Coroutine[object, None, T]) -> T:
    """Runs a flow over blocking ports to its end. Refuses one that awaits anything else."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("a flow on blocking ports awaited something that is not a port")


class BlockingStream:
    """One TCP connection on a plain socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self.peername = str(sock.getpeername()[0])
        self.sockname = str(sock.getsockname()[0])

    async def read(self, limit: int, *, within: float | None) -> bytes:
        if not _poll(self._readable, within):
            raise too_late("waiting for the server")
        return self._receive(limit)

    async def take(self) -> bytes | None:
        if not self._readable.poll(0):
            return None
        try:
            return self._receive(65536)
        except ConnectionLost:
            return b""

    async def write(self, data: bytes, *, within: float | None) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            raise _lost(exc) from exc
        if sent < len(data):
            self._write_rest(memoryview(data)[sent:], within)

    async def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        self._socket.close()

    def _receive(self, limit: int) -> bytes:
        try:
            return self._socket.recv(limit)
        except OSError as exc:
            raise _lost(exc) from exc

    def _write_rest(self, rest: memoryview, within: float | None) -> None:
        until = None if within is None else time.monotonic() + within
        writable = select.poll()
        writable.register(self._socket, select.POLLOUT)
        while rest:
            if not _poll(writable, None if until is None else until - time.monotonic()):
                raise too_late("sending to the server")
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as exc:
                raise _lost(exc) from exc


class BlockingPorts(Clock):
    """The world as a plain thread sees it."""

    async def connect(
        self, host: str, port: int, *, within: float | None, local_address: str | None = None
    ) -> BlockingStream:
        until = None if within is None else self.now() + within
        addresses = literal(host, port) or _resolved(host, port, within)
        attempts = Attempts(host, port)
        for position, address in enumerate(addresses):
            left = None if until is None else until - self.now()
            try:
                return _connected(address, local_address, attempts.share(left, len(addresses) - position))
            except OSError as exc:  # TimeoutError is one
                attempts.failed(address.ip, exc)
        raise attempts.error()

    async def compute(self, work: Callable[[], T]) -> T:
        return work()


def _connected(address: Address, local_address: str | None, within: float | None) -> BlockingStream:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if local_address is not None:
            sock.bind((local_address, 0))
        sock.settimeout(0)
        _finish_connect(sock, sock.connect_ex(address.sockaddr), within)
        return BlockingStream(sock)
    except BaseException:
        sock.close()
        raise


def _finish_connect(sock: socket.socket, code: int, within: float | None) -> None:
    if code == errno.EINPROGRESS:
        connecting = select.poll()
        connecting.register(sock, select.POLLOUT)
        if not _poll(connecting, within):
            raise TimeoutError
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _resolved(host: str, port: int, within: float | None) -> tuple[Address, ...]:
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    look_up(host, port, answers.put)
    try:
        answer = answers.get(timeout=within)
    except queue.Empty:
        raise too_late(f"looking up {host}") from None
    if isinstance(answer, DnsError):
        raise answer
    return answer


def _poll(poller: select.poll, within: float | None) -> bool:
    """Whether the socket became ready in time; at least one look even if none is left."""
    return bool(poller.poll(None if within is None else max(0, math.ceil(within * 1000))))


def _lost(exc: OSError) -> ConnectionLost:
    return ConnectionLost(f"the connection was lost: {exc.strerror or exc}")
