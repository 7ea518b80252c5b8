"""`AsyncClient`: tasks, cancellation, and messages that come as they are made."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator

import pytest

from mailward import INSECURE_PLAINTEXT, AsyncClient, DeadlineExceeded, Limits, Outcome, Receipt, TlsRequired
from tests.support import hostile
from tests.support.hostile import Connection, Script, hostile_server
from tests.support.sending import MESSAGE


@pytest.mark.asyncio
async def test_entering_connects() -> None:
    """What is wrong with host, TLS or login is told where the client is opened."""
    with hostile_server(Script()) as server:
        with pytest.raises(TlsRequired):
            async with AsyncClient("127.0.0.1", server.port):
                pass
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            assert server.connections[-1].verbs == ["EHLO"]
            assert repr(client) == f"AsyncClient(127.0.0.1 port {server.port})"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_tasks_share_no_more_connections_than_allowed() -> None:
    """Six tasks, two connections, each message once, and the time of two at once."""
    limits = Limits(connections=2)

    def busy(connection: Connection) -> bytes:
        time.sleep(0.05)
        return b"250 ok\r\n"

    with hostile_server(Script(keywords=(), says={"MAIL": busy})) as server:
        begun = time.monotonic()
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            receipts = await asyncio.gather(*[client.send(MESSAGE) for _ in range(6)])
        took = time.monotonic() - begun

    assert all(receipt.ok for receipt in receipts)
    assert len(server.connections) == 2
    assert len(server.contents) == 6
    assert took < 6 * 0.05


@pytest.mark.asyncio
async def test_one_connection_serves_tasks_in_turn() -> None:
    """The default limit mixes no two conversations."""
    with hostile_server(Script()) as server:
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            receipts = await asyncio.gather(*[client.send(MESSAGE) for _ in range(10)])

    assert all(receipt.ok for receipt in receipts)
    assert len(server.connections) == 1


@pytest.mark.asyncio
async def test_messages_may_come_as_they_are_made() -> None:
    """An asynchronous source is asked for the next message when there is room for it."""
    made: list[int] = []

    async def source() -> AsyncIterator[bytes]:
        for number in range(3):
            made.append(number)
            yield MESSAGE
            await asyncio.sleep(0)

    with hostile_server(Script()) as server:
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            progress = [(receipt.outcome, len(made)) async for receipt in client.send_many(source())]

    assert [outcome for outcome, _ in progress] == [Outcome.ACCEPTED] * 3
    assert progress[0][1] < 3


@pytest.mark.asyncio
async def test_a_cancelled_send_drops_its_connection() -> None:
    """The next message has another, and meets no reply of the first."""
    acts = [hostile.silence]

    def silent_once(connection: Connection) -> bytes | None:
        return acts.pop()(connection) if acts else b"250 ok\r\n"

    with hostile_server(Script(says={"RCPT": silent_once})) as server:
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.send(MESSAGE)
            receipt = await client.send(MESSAGE)

    assert receipt.ok
    assert len(server.connections) == 2


@pytest.mark.asyncio
async def test_a_cancelled_wait_for_a_turn_takes_nothing() -> None:
    """A task that gave up while waiting does not keep a connection from the others."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.2)
        return b"250 ok\r\n"

    with hostile_server(Script(says={"MAIL": slow})) as server:
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            async with asyncio.TaskGroup() as group:
                first = group.create_task(client.send(MESSAGE))
                await begun.wait()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await client.send(MESSAGE)
            last = await client.send(MESSAGE)

    assert first.result().ok
    assert last.ok


@pytest.mark.slow
@pytest.mark.asyncio
async def test_waiting_for_a_turn_is_part_of_the_call() -> None:
    """The total deadline holds for a task whose turn does not come."""
    script = Script(says={"MAIL": hostile.silence})
    with hostile_server(script) as server:
        client = AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=0.2)
        begun = time.monotonic()
        results = await asyncio.gather(*[client.send(MESSAGE) for _ in range(3)], return_exceptions=True)
        took = time.monotonic() - begun
        await client.close()

    assert [type(result) for result in results] == [DeadlineExceeded] * 3
    assert took <= 0.4


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_of_two_runs() -> None:
    """The second `asyncio.run` finds a session whose loop is gone, and opens another."""

    async def send(client: AsyncClient) -> Receipt:
        return await client.send(MESSAGE)

    def runs(port: int) -> list[Receipt]:
        client = AsyncClient("127.0.0.1", port, tls=INSECURE_PLAINTEXT)
        receipts = [asyncio.run(send(client)) for _ in range(3)]
        asyncio.run(client.close())
        return receipts

    with hostile_server(Script()) as server:
        assert all(receipt.ok for receipt in runs(server.port))
        gc.collect()  # the transports of the loops that are gone say so here, and not in another test
    assert len(server.connections) == 3
