"""Where the server's events go: the database, in the transaction of what they tell, and the JSON Lines file."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from mailward.errors import StoreError
from mailward.events import Event, encode
from mailward.store import events
from mailward.store.event_file import EventFile
from mailward.store.writer import Writer

_log = logging.getLogger("mailward.events")


class EventLog:
    """`record` for an event of its own; `tell` for one whose row is part of another operation. Loop thread only."""

    def __init__(self, writer: Writer, file: EventFile, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._file = file
        self._loop = loop
        self._lines: list[bytes] = []

    def record(self, event: Event) -> None:
        self._writer.submit(partial(events.append, event=event), self._recorded)
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Add the line to the file; the lines of one turn of the loop are one write."""
        if not self._lines:
            self._loop.call_soon(self.flush)
        self._lines.append(encode(event))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        try:
            self._file.write(lines)
        except StoreError as problem:
            _log.error("%d events are not in the file: %s", len(lines), problem)

    def _recorded(self, _id: int | None, problem: StoreError | None) -> None:
        if problem is not None:
            _log.error("an event is not in the database: %s", problem)
