"""Calls that block, bounded."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mailward.accounts.sources.pool import Idle, Threads
from mailward.accounts.sources.source import OutOfOrder
from mailward.errors import AuthUnavailable
from tests.support.installation import until

pytestmark = pytest.mark.asyncio


async def test_a_call_gives_its_result_or_its_error() -> None:
    """The loop goes on while the thread works."""

    def fails() -> None:
        raise AuthUnavailable("no")

    threads = Threads("s", 2)

    assert await threads.run(lambda: threading.current_thread().daemon) is True
    with pytest.raises(AuthUnavailable, match="no"):
        await threads.run(fails)
    until(lambda: threads.running == 0)


async def test_hanging_threads_are_bounded() -> None:
    """What is given up keeps its place until it returns; there is never more than the bound, and it recovers."""
    hold = threading.Event()
    threads = Threads("s", 2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.run(hold.wait), 0.01)

    with pytest.raises(OutOfOrder, match="all its 2 threads hang"):
        await threads.run(hold.wait)
    assert threads.running == 2

    hold.set()
    until(lambda: threads.running == 0)
    assert await threads.run(lambda: 5) == 5


async def test_an_unforeseen_fault_hangs_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told where faults of threads are told, and the login hears that the source is out of order."""
    told: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.append(hook.exc_type))
    threads = Threads("s", 1)

    def breaks() -> None:
        raise ZeroDivisionError

    with pytest.raises(OutOfOrder, match="a fault of its own"):
        await threads.run(breaks)
    until(lambda: told == [ZeroDivisionError])
    assert threads.running == 0


async def test_idle_connections_are_bounded_and_closed() -> None:
    """The last one is used first; after closing none is kept."""
    idle: Idle[str] = Idle(2)

    assert [idle.give(name) for name in ("a", "b", "c")] == [True, True, False]
    assert idle.take() == "b"
    assert idle.close() == ["a"]
    assert (idle.give("b"), idle.take()) == (False, None)
