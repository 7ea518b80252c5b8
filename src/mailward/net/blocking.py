"""The ports on plain blocking sockets, and the step that runs a flow on them without an event loop.

A socket is non-blocking underneath and every wait is one `poll` bounded by `within`, so no call outlives its
deadline. No thread and no loop is involved, which is why it also works inside a running asyncio loop.
"""

from __future__ import annotations

import math
import queue
import select
import threading
import time
from collections.abc import Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from mailward.errors import ConnectionLost
from mailward.net.dialler import Dialler, no_loop
from mailward.net.exclusive import Turns
from mailward.net.ports import too_late
from mailward.net.resolve import Answer, ip_and_port, look_up

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mailward.net.query import Dns
    from mailward.records.answer import DnsAnswer

T = TypeVar("T")

_READ_EARLY = 256 * 1024  # octets read ahead of a write before the peer is made to wait

_TURNS: Turns[threading.Lock] = Turns(threading.Lock)


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
    """One connection on a plain socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._early = b""  # what arrived while we had to wait to write
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self.peername, self.peerport = ip_and_port(sock.getpeername())
        self.sockname, self.sockport = ip_and_port(sock.getsockname())

    async def read(self, limit: int, *, within: float | None) -> bytes:
        if self._early:
            data, self._early = self._early[:limit], self._early[limit:]
            return data
        if not _poll(self._readable, within):
            raise too_late("waiting for the server")
        return self._receive(limit)

    async def take(self) -> bytes | None:
        if self._early:
            data, self._early = self._early, b""
            return data
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
        """Reads meanwhile: a server may take nothing more before we have its replies (RFC 2920 §3.1)."""
        until = None if within is None else time.monotonic() + within
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN | select.POLLOUT)
        while rest:
            events = _poll(waiting, None if until is None else until - time.monotonic())
            if not events:
                raise too_late("sending to the server")
            if events[0][1] & select.POLLIN and not self._read_early():
                waiting.modify(self._socket, select.POLLOUT)
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as exc:
                raise _lost(exc) from exc

    def _read_early(self) -> bool:
        """Whether to go on reading: the peer is there, and what it said is not yet too much."""
        data = self._receive(_READ_EARLY - len(self._early))
        self._early += data
        return bool(data) and len(self._early) < _READ_EARLY


class BlockingPorts(Dialler[BlockingStream]):
    """The world as a plain thread sees it."""

    @asynccontextmanager
    async def exclusively(self, key: object, *, within: float | None = None) -> AsyncIterator[None]:
        with _TURNS.lock(key) as lock:
            if not lock.acquire(timeout=-1 if within is None else max(0.0, within)):
                raise too_late("waiting for another thread")
            try:
                yield
            finally:
                lock.release()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - this driver has no loop to stop

    async def query(self, name: str, kind: str, *, within: float | None, dns: Dns | None = None) -> DnsAnswer:
        from mailward.net import query  # noqa: PLC0415 - few ask the DNS themselves

        return await query.ask(name, kind, within=within, dns=dns)

    async def compute(self, work: Callable[[], T]) -> T:
        return work()

    async def _stream(self, sock: socket.socket) -> BlockingStream:
        return BlockingStream(sock)

    async def _writable(self, descriptors: Sequence[int], within: float | None) -> None:
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLOUT)
        _poll(poller, within)

    async def _looked_up(self, host: str, port: int, within: float | None) -> Answer:
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        look_up(host, port, answers.put)
        try:
            return answers.get(timeout=within)
        except queue.Empty:
            raise TimeoutError from None

    async def _awaited(self, answer: Awaitable[Sequence[str]], within: float | None) -> Sequence[str]:  # noqa: ARG002
        if isinstance(answer, Coroutine):
            answer.close()
        raise no_loop()


def _poll(poller: select.poll, within: float | None) -> list[tuple[int, int]]:
    """Which sockets became ready in time, if any; at least one look even if none is left."""
    return poller.poll(None if within is None else max(0, math.ceil(within * 1000)))


def _lost(exc: OSError) -> ConnectionLost:
    return ConnectionLost(f"the connection was lost: {exc.strerror or exc}")
