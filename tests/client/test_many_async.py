"""`send_many` of AsyncClient around the flow: whose connection it is while nobody asks, and what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mailward import INSECURE_PLAINTEXT, AsyncClient, ConnectError, Limits, Outcome, Receipt
from tests.support.hostile import CHUNKING, Connection, Script, hostile_server
from tests.support.sending import MESSAGE


async def endless(taken: list[int]) -> AsyncIterator[bytes]:
    while True:
        taken.append(1)
        yield MESSAGE
        await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.parametrize("keywords", [CHUNKING, ("PIPELINING",), ()], ids=["chunking", "pipelining", "one-by-one"])
async def test_sending_while_looking_at_a_receipt(keywords: tuple[str, ...]) -> None:
    """With one connection only: it is lent to the `send` in between, and taken again."""
    outcomes = []
    with hostile_server(Script(keywords=keywords)) as server:
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=5) as client:
            async for receipt in client.send_many([MESSAGE] * 10):
                assert receipt.ok
                outcomes.append((await client.send(MESSAGE)).outcome)

    assert outcomes == [Outcome.ACCEPTED] * 10
    assert len(server.contents) == 20
    assert len(server.connections) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("connections", [1, 3])
async def test_no_more_is_taken_than_fits(connections: int) -> None:
    """Of an endless source: so much as the windows hold. Leaving settles what is on the way, and no task is left."""
    taken: list[int] = []
    first: list[Receipt] = []
    with hostile_server(Script(keywords=CHUNKING)) as server:
        limits = Limits(connections=connections)
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            receipts = client.send_many(endless(taken))
            async for receipt in receipts:
                first.append(receipt)
                if len(first) == 3:
                    break
            await receipts.aclose()
            assert len(asyncio.all_tasks()) == 1
            assert len(taken) <= 3 + connections * 64 + 1
            assert (await client.send(MESSAGE)).ok

    assert [receipt.outcome for receipt in first] == [Outcome.ACCEPTED] * 3


@pytest.mark.asyncio
@pytest.mark.parametrize("connections", [1, 3])
async def test_a_source_that_raises(connections: int) -> None:
    """The caller gets what it raised; no task and no connection is left."""

    async def source() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield MESSAGE
        raise ValueError

    with hostile_server(Script(keywords=CHUNKING)) as server:
        limits = Limits(connections=connections)
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            with pytest.raises(ValueError):  # noqa: PT011
                async for _ in client.send_many(source()):
                    pass
            assert len(asyncio.all_tasks()) == 1

    assert server.connections


@pytest.mark.asyncio
@pytest.mark.parametrize("connections", [1, 3])
async def test_a_cancelled_task_leaves_nothing(connections: int) -> None:
    """Neither tasks nor connections; the client can be used again."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent(connection: Connection) -> bytes | None:
        if len(connection.contents) < 2:
            return b"250 2.0.0 OK\r\n"
        loop.call_soon_threadsafe(begun.set)
        while connection.socket.recv(65536):
            pass
        return None

    async def run() -> None:
        async for _ in client.send_many(endless([])):
            pass

    with hostile_server(Script(keywords=CHUNKING, says={"BDAT": silent})) as server:
        limits = Limits(connections=connections)
        async with AsyncClient("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            task = loop.create_task(run())
            await asyncio.wait_for(begun.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(asyncio.all_tasks()) == 1
            assert (await client.send(MESSAGE)).ok


@pytest.mark.asyncio
async def test_nobody_there_over_several_connections() -> None:
    """What would befall all the rest is raised, once."""
    client = AsyncClient("127.0.0.1", 1, tls=INSECURE_PLAINTEXT, limits=Limits(connections=3, min_idle=0))
    with pytest.raises(ConnectError):
        async for _ in client.send_many([MESSAGE] * 10):
            pass

    assert len(asyncio.all_tasks()) == 1
