"""A reply that is not known yet, told in the same turn of the loop as it becomes known.

An asyncio.Future would do, one more turn of the loop for each message later; this is the path of every message.
"""

from __future__ import annotations

from collections.abc import Callable

from mailward.wire.reply import Reply


class Later:
    """Settled once, with a reply. Loop thread only."""

    __slots__ = ("_reply", "_then")

    def __init__(self) -> None:
        self._reply: Reply | None = None
        self._then: Callable[[Reply], None] | None = None

    def settle(self, reply: Reply) -> None:
        self._reply = reply
        if self._then is not None:
            self._then(reply)

    def then(self, call: Callable[[Reply], None]) -> None:
        """`call` is called with the reply: now, if it is known."""
        if self._reply is None:
            self._then = call
        else:
            call(self._reply)
