"""One holder at a time, in order, within its time, and nothing kept afterwards."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest

from mailward.errors import DeadlineExceeded
from mailward.net import aio, blocking
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.exclusive import Turns
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers


async def held(ports: Ports, key: object, log: list[str], name: str) -> None:
    async with ports.exclusively(key):
        log.append(f"{name} in")
        await ports.sleep(0.02)
        log.append(f"{name} out")


def check(log: list[str]) -> None:
    assert len(log) == 6
    for entering, leaving in zip(log[::2], log[1::2], strict=True):
        assert entering.removesuffix(" in") == leaving.removesuffix(" out")


@pytest.mark.asyncio
async def test_tasks_take_turns() -> None:
    """Also where each has ports of its own."""
    log: list[str] = []
    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(held(AioPorts(), "key", log, name))

    check(log)
    assert len(aio._TURNS) == 0


def test_threads_take_turns() -> None:
    """Also where each has ports of its own."""
    log: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: run_blocking(held(BlockingPorts(), "key", log, name)))
        for name in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    check(log)
    assert len(blocking._TURNS) == 0


@both_drivers
def test_other_keys_do_not_wait(driver: Driver) -> None:
    """One key inside another is no deadlock; equal keys are the same."""

    async def flow(ports: Ports) -> int:
        async with ports.exclusively(("a", 1)), ports.exclusively(("a", 2)):
            with pytest.raises(DeadlineExceeded, match="waiting for another"):
                async with ports.exclusively(("a", 1), within=0.02):
                    raise AssertionError
        async with ports.exclusively(("a", 1), within=0):
            return 7

    assert driver.run(flow) == 7
    assert len(aio._TURNS) == len(blocking._TURNS) == 0


@both_drivers
def test_an_error_inside_gives_the_turn_back(driver: Driver) -> None:
    """And comes out."""

    async def flow(ports: Ports) -> int:
        with pytest.raises(KeyError):
            async with ports.exclusively("key"):
                raise KeyError("x")
        async with ports.exclusively("key", within=0.5):
            return 7

    assert driver.run(flow) == 7


@pytest.mark.asyncio
async def test_a_waiter_that_is_cancelled_keeps_nobody_waiting() -> None:
    """The next gets the turn."""
    ports = AioPorts()
    async with ports.exclusively("key"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                async with ports.exclusively("key"):
                    raise AssertionError
    async with ports.exclusively("key", within=0.5):
        assert len(aio._TURNS) == 1
    assert len(aio._TURNS) == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of fork beside threads
def test_a_forked_child_waits_for_nobody_of_its_parent() -> None:
    """What a thread of the parent held is free in the child."""
    turns: Turns[threading.Lock] = Turns(threading.Lock)
    with turns.lock("key") as lock:
        lock.acquire()
        child = os.fork()
        if child == 0:
            with turns.lock("key") as other:
                os._exit(0 if other.acquire(timeout=1) else 1)
        lock.release()
        deadline = time.monotonic() + 5
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.005)

    assert ended == (child, 0)
    assert len(turns) == 0
