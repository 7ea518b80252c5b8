"""One at a time in the whole process: tasks of any event loop, and threads."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from mailward.net.ports import too_late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailward.net.ports import Ports

_LOOK: Final = 0.02  # seconds between two looks at a turn that another loop or thread has

_held: dict[object, object] = {}  # who has the turn of each key; one operation on it is atomic, so it needs no lock
os.register_at_fork(after_in_child=_held.clear)  # those of threads that the child does not have


@asynccontextmanager
async def alone(key: object, ports: Ports, *, until: float | None, what: str) -> AsyncIterator[None]:
    """`key` is hashable. `what`: for whose turn we wait. Raises DeadlineExceeded if it does not come `until` then.

    Those of one driver wait in the order in which they came. Between a loop and a thread there is no order.
    """
    mark = object()
    async with ports.exclusively(key, within=None if until is None else max(0.0, until - ports.now())):
        while _held.setdefault(key, mark) is not mark:
            if until is not None and ports.now() >= until:
                raise too_late(f"waiting for {what}")
            await ports.sleep(_LOOK)
        try:
            yield
        finally:
            _held.pop(key, None)
