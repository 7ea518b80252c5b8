"""What only the asyncio driver can get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import threading
import time

import pytest

from mailward.net.aio import HIGH_WATER, AioPorts
from tests.support.black_hole import black_hole
from tests.support.drivers import wait_until_readable
from tests.support.tcp import tcp_server


@pytest.mark.asyncio
async def test_it_reads_ahead_no_more_than_it_must() -> None:
    """A peer that sends without end is held back by TCP, not by our memory."""

    def flood(sock: socket.socket) -> None:
        sock.settimeout(0.5)
        while True:
            sock.sendall(b"x" * 65536)

    with tcp_server(flood) as server:
        stream = await AioPorts().connect("127.0.0.1", server.port, within=5)
        await asyncio.sleep(0.2)
        held = len(stream._received)
        stream.abort()
        await asyncio.sleep(0)

    assert HIGH_WATER <= held <= HIGH_WATER + 512 * 1024


@pytest.mark.asyncio
async def test_a_cancelled_read_leaves_the_stream_usable() -> None:
    """Cancelling a wait loses no octet."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"hello")

    with tcp_server(talk) as server:
        stream = await AioPorts().connect("127.0.0.1", server.port, within=5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.read(10, within=5)
        await stream.write(b"x", within=5)
        data = await stream.read(10, within=5)
        await stream.close()

    assert data == b"hello"


@pytest.mark.asyncio
async def test_a_cancelled_write_ends_the_connection() -> None:
    """The rest of a write that was cancelled must not leave later."""

    def deaf(sock: socket.socket) -> None:
        time.sleep(0.3)
        while data := sock.recv(65536):
            received.extend(data)

    received = bytearray()
    with tcp_server(deaf) as server:
        stream = await AioPorts().connect("127.0.0.1", server.port, within=5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.write(b"x" * 32_000_000, within=5)
        await asyncio.sleep(0.4)

    assert len(received) < 32_000_000


@pytest.mark.asyncio
async def test_work_does_not_stop_the_loop() -> None:
    """What takes the processor runs in a thread while other tasks go on."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        await AioPorts().compute(lambda: time.sleep(0.1))
        ticking.cancel()

    assert ticks >= 3


@pytest.mark.asyncio
async def test_take_sees_what_the_loop_has_not_looked_at_yet() -> None:
    """An end that lies in the kernel is found without waiting for the loop to pass by."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1)

    with tcp_server(talk) as server:
        stream = await AioPorts().connect("127.0.0.1", server.port, within=5)
        await stream.write(b"x", within=5)
        wait_until_readable(stream)  # without a turn of the loop
        seen = await stream.take()
        await stream.close()

    assert seen == b""


@pytest.mark.asyncio
async def test_a_cancelled_race_closes_every_socket() -> None:
    """Nothing stays open or in the loop (an open socket would be a ResourceWarning, an error here)."""
    with black_hole("127.0.0.2") as port, black_hole("127.0.0.3", port):
        connecting = AioPorts().connect("x", port, within=None, resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.3"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await connecting
        watched = vars(asyncio.get_running_loop())["_selector"].get_map()

        assert [key for key in watched.values() if key.events & selectors.EVENT_WRITE] == []


@pytest.mark.asyncio
async def test_a_forked_child_lets_go_without_deafening_its_parent() -> None:
    """Both watch through one epoll: what the child aborts or closes must not leave it."""
    go_on = threading.Event()

    def talk(sock: socket.socket) -> None:
        go_on.wait(5)
        sock.sendall(b"for the parent")
        sock.recv(1)

    with tcp_server(talk) as server:
        stream = await AioPorts().connect("127.0.0.1", server.port, within=5)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                stream.abort()
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        go_on.set()
        heard = await stream.read(100, within=5)
        await stream.close()

    assert heard == b"for the parent"
