"""One at a time in the whole process: tasks of any loop, and threads."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings

import pytest

from mailward.client import turns
from mailward.client.turns import alone
from mailward.errors import DeadlineExceeded
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers


class Watched:
    """Counts who is inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = self.visits = 0

    async def visit(self, ports: Ports) -> None:
        async with alone("key", ports, until=ports.now() + 10, what="a turn"):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await ports.sleep(0.002)
            self.inside -= 1
            self.visits += 1


def test_tasks_of_two_loops_and_threads_take_turns() -> None:
    """Twenty tasks in each of two loops, and ten threads: never two inside."""
    watched = Watched()

    async def tasks() -> None:
        await asyncio.gather(*(watched.visit(AioPorts()) for _ in range(20)))

    threads = [threading.Thread(target=asyncio.run, args=(tasks(),)) for _ in range(2)]
    threads += [threading.Thread(target=lambda: run_blocking(watched.visit(BlockingPorts()))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (watched.visits, watched.most) == (50, 1)
    assert turns._held == {}


@both_drivers
def test_a_turn_that_does_not_come(driver: Driver) -> None:
    """Another loop or thread keeps it: the deadline holds, and the key is still the other's."""
    turns._held["kept"] = object()

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match="waiting for the other"):
            async with alone("kept", ports, until=begun + 0.1, what="the other"):
                raise AssertionError("it is not ours")
        return ports.now() - begun

    try:
        assert driver.run(flow) < 0.3
    finally:
        assert turns._held.pop("kept", None) is not None


@both_drivers
def test_a_turn_ends_with_an_error(driver: Driver) -> None:
    """Whoever fails inside leaves the key to the next."""

    async def flow(ports: Ports) -> None:
        with pytest.raises(ValueError, match="inside"):
            async with alone("key", ports, until=None, what="a turn"):
                raise ValueError("inside")
        async with alone("key", ports, until=None, what="a turn"):
            assert "key" in turns._held

    driver.run(flow)
    assert turns._held == {}


def test_a_fork_does_not_inherit_a_turn() -> None:
    """The thread that had it is not in the child, so nobody would give it back."""
    turns._held["key"] = object()
    try:
        with warnings.catch_warnings(action="ignore"):  # of threads that other tests may have left
            child = os.fork()
        if child == 0:
            os._exit(len(turns._held))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        turns._held.clear()
