"""The same for tasks: turns in order, a bell, and tasks that end with their owner."""

from __future__ import annotations

import asyncio

import pytest

from mailward.net.tasks import TaskBell, TaskSlots, TaskWorkers


@pytest.mark.asyncio
async def test_turns_are_given_in_order() -> None:
    """First come, first served, even when its holder wants it again at once."""
    slots, served = TaskSlots(1), list[int]()
    assert await slots.acquire(within=0)

    async def wait(number: int) -> None:
        assert await slots.acquire(within=5)
        served.append(number)
        slots.release()

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(wait(number))
        await asyncio.sleep(0)
        assert slots.wanted
        slots.release()
        assert await slots.acquire(within=5)
        assert served == list(range(6))
        slots.release()

    assert not slots.wanted


@pytest.mark.asyncio
async def test_a_turn_that_did_not_come_takes_nothing() -> None:
    """Neither one that ran out of time nor one that was cancelled."""
    slots = TaskSlots(1)
    assert await slots.acquire(within=None)
    assert not await slots.acquire(within=0)
    assert not await slots.acquire(within=0.01)
    task = asyncio.get_running_loop().create_task(slots.acquire(within=None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    slots.release()

    assert await slots.acquire(within=0)


@pytest.mark.asyncio
async def test_a_turn_given_to_a_task_that_is_cancelled_goes_on() -> None:
    """It was handed over and cancelled in the same moment: the next one has it."""
    slots = TaskSlots(1)
    assert await slots.acquire(within=0)
    first = asyncio.get_running_loop().create_task(slots.acquire(within=None))
    second = asyncio.get_running_loop().create_task(slots.acquire(within=None))
    await asyncio.sleep(0)
    slots.release()
    first.cancel()

    assert await asyncio.wait_for(second, 1)
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.asyncio
async def test_a_bell_wakes_all() -> None:
    """Everybody who waits, and nobody who comes later."""
    bell = TaskBell()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(bell.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        bell.ring()
    assert all(task.done() for task in waiting)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell.wait(), 0.01)


@pytest.mark.asyncio
async def test_workers_end_with_their_owner() -> None:
    """Whether they are done, have failed or would go on for ever."""

    async def fail() -> None:
        raise ValueError

    async def wait() -> None:
        await asyncio.Event().wait()

    async def nothing() -> None:
        await asyncio.sleep(0)

    workers = TaskWorkers()
    tasks = [workers.start(wait()), workers.start(nothing()), workers.start(fail())]
    await asyncio.sleep(0.01)
    await workers.end()

    assert tasks[0].cancelled()
    assert [task.done() for task in tasks] == [True] * 3
