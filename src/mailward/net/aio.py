"""The ports on asyncio: a stream with back-pressure that sets no timer unless it has to wait."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from typing import TYPE_CHECKING, TypeVar, cast

from mailward.errors import ConnectionLost, DnsError
from mailward.net.attempts import Attempts
from mailward.net.clock import Clock
from mailward.net.ports import too_late
from mailward.net.resolve import Address, Answer, literal, look_up

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_READ = 16 * 1024  # octets at a time; a buffer of our own spares the loop a fresh one of 256 KiB for each read
HIGH_WATER = 256 * 1024  # octets read ahead before the peer is made to wait


class AioStream(asyncio.BufferedProtocol):
    """One TCP connection, for one reader and one writer at a time."""

    _transport: asyncio.Transport
    _arrived: select.poll
    peername: str
    sockname: str

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
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
        self._arrived.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self.peername = str((transport.get_extra_info("peername") or ("",))[0])
        self.sockname = str((transport.get_extra_info("sockname") or ("",))[0])

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
        _wake(self._reader)
        _wake(self._writer)

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
        if not self._received and not self._eof and self._arrived.poll(0):
            await asyncio.sleep(0)  # the loop has not looked yet; it looks in its next turn
            await asyncio.sleep(0)  # and tells us in that turn, but after it has woken this task
        if self._received:
            return self._taken(len(self._received))
        return b"" if self._eof else None

    async def write(self, data: bytes, *, within: float | None) -> None:
        if self._transport.is_closing():
            raise self._lost()
        self._transport.write(data)
        if self._full:
            await self._drain(within)
        if self._transport.is_closing():
            raise self._lost()

    async def close(self) -> None:
        self._transport.close()
        await asyncio.sleep(0)  # the loop frees the socket in its next turn; it may not have one after this

    def abort(self) -> None:
        self._transport.abort()

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


class AioPorts(Clock):
    """The world as a task of the running loop sees it."""

    async def connect(
        self, host: str, port: int, *, within: float | None, local_address: str | None = None
    ) -> AioStream:
        until = None if within is None else self.now() + within
        addresses = literal(host, port) or await _resolved(host, port, within)
        attempts = Attempts(host, port)
        for position, address in enumerate(addresses):
            left = None if until is None else until - self.now()
            try:
                async with asyncio.timeout(attempts.share(left, len(addresses) - position)):
                    return await _connected(address, local_address)
            except OSError as exc:  # TimeoutError is one
                attempts.failed(address.ip, exc)
        raise attempts.error()

    async def compute(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)


async def _connected(address: Address, local_address: str | None) -> AioStream:
    loop = asyncio.get_running_loop()
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if local_address is not None:
            sock.bind((local_address, 0))
        await loop.sock_connect(sock, address.sockaddr)
        _, stream = await loop.create_connection(AioStream, sock=sock)
    except BaseException:
        sock.close()
        raise
    return stream


async def _resolved(host: str, port: int, within: float | None) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def deliver(answer: Answer) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(_settle, future, answer)

    look_up(host, port, deliver)
    try:
        async with asyncio.timeout(within):
            answer = await future
    except TimeoutError:
        raise too_late(f"looking up {host}") from None
    if isinstance(answer, DnsError):
        raise answer
    return answer


def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None], doing: str) -> None:
    if not future.done():
        future.set_exception(too_late(doing))
