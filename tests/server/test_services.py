"""What sessions share: names, and work that outlives the session that asked for it."""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

import pytest

from mailward.server.services import Services
from mailward.wire import reply as replies
from mailward.wire.reply import Reply


def services(loop: asyncio.AbstractEventLoop) -> Services:
    nothing = cast(Any, None)
    return Services(loop, nothing, nothing, nothing, nothing, nothing, nothing, 3)


@pytest.mark.asyncio
async def test_ids_are_unique() -> None:
    """A session's name is 12 hex digits, another for each."""
    one = services(asyncio.get_running_loop())
    ids = {one.new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{12}", each) for each in ids)


@pytest.mark.asyncio
async def test_work_goes_on_without_its_session() -> None:
    """Work whose session is gone, so that nobody holds or hears it, comes to its end all the same."""
    go_on, done = asyncio.Event(), asyncio.Event()

    async def judge() -> Reply:
        await go_on.wait()
        done.set()
        return replies.AUTH_FAILED

    services(asyncio.get_running_loop()).spawn(judge())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(done.wait(), 5)


@pytest.mark.asyncio
async def test_answer_is_heard() -> None:
    """Who waits hears the reply."""
    heard: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def judge() -> Reply:
        return replies.AUTH_OK

    services(asyncio.get_running_loop()).spawn(judge()).then(heard.set_result)

    assert await asyncio.wait_for(heard, 5) is replies.AUTH_OK


@pytest.mark.asyncio
async def test_fault_is_answered_and_told() -> None:
    """Work that fails by a fault of ours answers 421 for the session, and the fault reaches the loop's handler."""
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    heard: asyncio.Future[Reply] = loop.create_future()
    one = services(loop)

    async def judge() -> Reply:
        raise RuntimeError("inner workings")

    one.spawn(judge()).then(heard.set_result)
    assert await asyncio.wait_for(heard, 5) is replies.LOCAL_FAULT
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [str(context["exception"]) for context in told] == ["inner workings"]


@pytest.mark.asyncio
async def test_finish_waits_for_work_that_nobody_hears() -> None:
    """A guess whose session is gone is judged before the guard is closed; what hangs is not waited for without end."""
    one, done = services(asyncio.get_running_loop()), asyncio.Event()

    async def judge() -> Reply:
        await asyncio.sleep(0.01)
        done.set()
        return replies.AUTH_FAILED

    one.spawn(judge())
    await one.finish(5)
    assert done.is_set()

    hanging = one.spawn(asyncio.sleep(60, replies.OK))
    await one.finish(0.01)
    assert hanging is not None
    for task in one._work:
        task.cancel()
