"""What a server keeps on disk, opened together and closed together."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mailward.server.event_log import EventLog
from mailward.store import messages
from mailward.store.database import Database
from mailward.store.event_file import EventFile
from mailward.store.spool import Spool
from mailward.store.writer import Writer

if TYPE_CHECKING:
    from mailward.server.config import Config


class Store:
    """`reader` belongs to the loop's thread; `database.reader()` is of the thread that asks.

    Raises StoreError, with nothing left open.
    """

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        with ExitStack() as opened:
            self.database = Database.open(config.database_path)
            opened.callback(self.database.close)
            self._file = EventFile(config.events_path)
            opened.callback(self._file.close)
            self.spool = Spool(config.spool_path)
            self.reader = self.database.reader()
            self.spool.sweep(messages.spooled(self.reader))
            self._opened = opened.pop_all()
        self.writer = Writer(self.database, deliver=loop.call_soon_threadsafe)
        self.log = EventLog(self.writer, self._file, loop)

    async def finish(self) -> None:
        """What was submitted is on disk, and those who waited for it hear of it and tell their events."""
        await asyncio.to_thread(self.writer.close)
        await asyncio.sleep(0)

    def close(self) -> None:
        self.log.flush()
        self._opened.close()
