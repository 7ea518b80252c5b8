"""What a function of the caller's gives, on both drivers and within its time."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from mailward.errors import DeadlineExceeded, InputError
from mailward.net.aio import AioPorts
from mailward.net.awaiting import answer_of
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers


async def asked(function: Any, ports: Ports, within: float = 1.0) -> Any:
    return await answer_of(function, ports, within=within, what="it")


def begun(function: Any) -> Any:
    """A plain function that gives the coroutine."""

    def begin() -> Any:
        return function()

    return begin


@both_drivers
def test_a_plain_function(driver: Driver) -> None:
    """Its value, or its exception."""
    assert driver.run(lambda ports: asked(lambda: 7, ports)) == 7
    with pytest.raises(ZeroDivisionError):
        driver.run(lambda ports: asked(lambda: 1 // 0, ports))


def test_a_slow_function_does_not_stop_the_loop() -> None:
    """It runs in a thread."""

    def slow() -> int:
        time.sleep(0.2)
        return threading.get_ident()

    async def flow() -> tuple[int, int]:
        turns = 0
        running = asyncio.get_running_loop().create_task(answer_of(slow, AioPorts(), within=1, what="it"))
        while not running.done():
            await asyncio.sleep(0.01)
            turns += 1
        return turns, await running

    turns, ident = asyncio.run(flow())
    assert turns > 5
    assert ident != threading.get_ident()


def test_an_asynchronous_one() -> None:
    """Awaited in the loop, not longer than it may last; its own TimeoutError stays its own."""

    async def soon() -> str:
        await asyncio.sleep(0)
        return "here"

    async def late() -> str:
        await asyncio.sleep(5)
        return "late"

    async def fails() -> str:
        raise TimeoutError("mine")

    async def flow(ports: Ports) -> None:
        assert await asked(soon, ports) == "here"
        assert await asked(begun(soon), ports) == "here"
        with pytest.raises(DeadlineExceeded, match="waiting for it"):
            await asked(late, ports, 0.05)
        with pytest.raises(TimeoutError, match="mine"):
            await asked(fails, ports)

    asyncio.run(flow(AioPorts()))


def test_a_blocking_client_cannot_await() -> None:
    """It says so, and leaves no coroutine behind that was never awaited."""

    async def later() -> str:
        return "later"

    for function in (later, begun(later)):
        with pytest.raises(InputError, match="it is asynchronous, and this client is not"):
            run_blocking(asked(function, BlockingPorts()))
