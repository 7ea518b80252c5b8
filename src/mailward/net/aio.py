"""The ports on asyncio: a stream with back-pressure that sets no timer unless it has to wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from typing import TYPE_CHECKING, TypeVar, cast

from mailward.errors import ConnectionLost
from mailward.net.dialler import Dialler
from mailward.net.exclusive import Turns
from mailward.net.ports import too_late
from mailward.net.resolve import Answer, ip_and_port, look_up

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mailward.net.query import Dns
    from mailward.records.answer import DnsAnswer

T = TypeVar("T")

_TURNS: Turns[asyncio.Lock] = Turns(asyncio.Lock)
_READ = 16 * 1024  # octets at a time; a buffer of our own spares the loop a fresh one of 256 KiB for each read
HIGH_WATER = 256 * 1024  # octets read ahead before the peer is made to wait


class AioStream(asyncio.BufferedProtocol):
    """One connection, for one reader and one writer at a time."""

    _transport: asyncio.Transport
    _arrived: select.poll
    peername: str
    sockname: str
    peerport: int
    sockport: int

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._received = bytearray()
        self._buffer = bytearray(_READ)
        self._view = memoryview(self._buffer)
        self._eof = False
        self._reason = ""  # why the connection was lost, if it was
        self._held = False  # we asked the transport to stop reading
        self._full = False  # the transport asked us to stop writing
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # so that write() returns only when the kernel has every octet
        self._arrived = select.poll()
        self._descriptor: int = transport.get_extra_info("socket").fileno()
        self._arrived.register(self._descriptor, select.POLLIN)
        self.peername, self.peerport = ip_and_port(transport.get_extra_info("peername"))
        self.sockname, self.sockport = ip_and_port(transport.get_extra_info("sockname"))

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received += self._view[:nbytes]
        if not self._held and len(self._received) > HIGH_WATER:
            self._held = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._eof = True
        _wake(self._reader)
        return True  # our side stays open until close() or abort()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = True
        if exc is not None:
            self._reason = str(exc)
            self._rescue()
        _wake(self._reader)
        _wake(self._writer)

    def _rescue(self) -> None:
        """After a write that failed: what the peer had said before it left is still in the socket."""
        with contextlib.suppress(OSError):
            while len(self._received) <= HIGH_WATER and (data := os.read(self._descriptor, _READ)):
                self._received += data

    # What a flow asks.

    async def read(self, limit: int, *, within: float | None) -> bytes:
        while not self._received:
            if self._reason:
                raise self._lost()
            if self._eof:
                return b""
            self._reader = self._loop.create_future()
            try:
                await self._wait(self._reader, within, "waiting for the server")
            finally:
                self._reader = None
        return self._taken(limit)

    async def take(self) -> bytes | None:
        if self._loop.is_closed():
            return b""  # the session of another asyncio.run
        if not self._received and not self._eof and self._arrived.poll(0):
            await asyncio.sleep(0)  # the loop has not looked yet; it looks in its next turn
            await asyncio.sleep(0)  # and tells us in that turn, but after it has woken this task
        if self._received:
            return self._taken(len(self._received))
        return b"" if self._eof or self._transport.is_closing() else None  # a reset is told a turn later

    async def write(self, data: bytes, *, within: float | None) -> None:
        if self._transport.is_closing():
            raise self._lost()
        self._transport.write(data)
        if self._full:
            await self._drain(within)
        if self._transport.is_closing():
            raise self._lost()

    async def close(self) -> None:
        if self._owner != os.getpid() or self._loop.is_closed():
            self.abort()
            return
        self._transport.close()
        await asyncio.sleep(0)  # the loop frees the socket in its next turn; it may not have one after this

    def abort(self) -> None:
        if self._owner == os.getpid() and not self._loop.is_closed():
            self._transport.abort()
        else:
            self._let_go()

    def _let_go(self) -> None:
        """Without a word to the loop, which is closed, or a forked child's, which watches through the same epoll as the
        parent's: to leave it would deafen the parent. Our descriptor alone becomes the null device; what the transport
        closes later is that.
        """
        descriptor = self._transport.get_extra_info("socket").fileno()
        if descriptor < 0:
            return
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, descriptor, inheritable=False)
        os.close(null)

    def _taken(self, limit: int) -> bytes:
        data = bytes(self._received[:limit])
        del self._received[:limit]
        if self._held and len(self._received) <= HIGH_WATER // 2:
            self._held = False
            self._transport.resume_reading()
        return data

    async def _drain(self, within: float | None) -> None:
        self._writer = self._loop.create_future()
        try:
            await self._wait(self._writer, within, "sending to the server")
        except BaseException:
            self.abort()  # what the transport still holds must not leave after we said that it did not
            raise
        finally:
            self._writer = None

    async def _wait(self, future: asyncio.Future[None], within: float | None, doing: str) -> None:
        if within is None:
            await future
            return
        timer = self._loop.call_later(within, _expire, future, doing)
        try:
            await future
        finally:
            timer.cancel()

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"the connection was lost: {self._reason or 'closed by the server'}")


class AioPorts(Dialler[AioStream]):
    """The world as a task of the running loop sees it."""

    @contextlib.asynccontextmanager
    async def exclusively(self, key: object, *, within: float | None = None) -> AsyncIterator[None]:
        with _TURNS.lock((asyncio.get_running_loop(), key)) as lock:
            try:
                async with asyncio.timeout(within):
                    await lock.acquire()
            except TimeoutError:
                raise too_late("waiting for another task") from None
            try:
                yield
            finally:
                lock.release()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def query(self, name: str, kind: str, *, within: float | None, dns: Dns | None = None) -> DnsAnswer:
        from mailward.net import query  # noqa: PLC0415 - few ask the DNS themselves

        return await query.ask_async(name, kind, within=within, dns=dns)

    async def compute(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    async def _stream(self, sock: socket.socket) -> AioStream:
        _, stream = await asyncio.get_running_loop().create_connection(AioStream, sock=sock)
        return stream

    async def _writable(self, descriptors: Sequence[int], within: float | None) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        timer = None if within is None else loop.call_later(within, _wake, ready)
        for descriptor in descriptors:
            loop.add_writer(descriptor, _wake, ready)
        try:
            await ready
        finally:
            for descriptor in descriptors:
                loop.remove_writer(descriptor)
            if timer is not None:
                timer.cancel()

    async def _looked_up(self, host: str, port: int, within: float | None) -> Answer:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def deliver(answer: Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, answer)

        look_up(host, port, deliver)
        async with asyncio.timeout(within):
            return await future

    async def _awaited(self, answer: Awaitable[Sequence[str]], within: float | None) -> Sequence[str]:
        async with asyncio.timeout(within):
            return await answer


def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None], doing: str) -> None:
    if not future.done():
        future.set_exception(too_late(doing))
