"""What a function of the caller's gives, now or once it is awaited; a flow alone can do neither within a time."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeVar

from mailward.errors import InputError
from mailward.net.ports import too_late

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailward.net.ports import Ports

T = TypeVar("T")


async def answer_of(function: Callable[[], T | Awaitable[T]], ports: Ports, *, within: float | None, what: str) -> T:
    """`what`: how an error calls the function. On asyncio one that is not asynchronous runs in a thread.

    Raises what the function raises, InputError for an asynchronous one where no loop runs, DeadlineExceeded.
    """
    answer = function() if inspect.iscoroutinefunction(function) else await ports.compute(function)
    if not inspect.isawaitable(answer):
        return answer
    from mailward.net.aio import AioPorts  # noqa: PLC0415  # a blocking client does without asyncio

    if not isinstance(ports, AioPorts):
        if inspect.iscoroutine(answer):
            answer.close()
        raise InputError(
            f"{what} is asynchronous, and this client is not",
            phase="auth",
            advice="use mailward.AsyncClient, or a function that is not asynchronous",
        )
    return await _awaited(answer, within, what)


async def _awaited(answer: Awaitable[T], within: float | None, what: str) -> T:
    import asyncio  # noqa: PLC0415

    time = asyncio.timeout(within)
    try:
        async with time:
            return await answer
    except TimeoutError:
        if not time.expired():
            raise  # the function's own
    raise too_late(f"waiting for {what}")
