"""What must survive a power cut: one SQLite database, spool files for large content, and the only SQL of the house."""

from __future__ import annotations

from mailward.store.database import Database
from mailward.store.event_file import EventFile
from mailward.store.spool import Spool
from mailward.store.writer import Writer

__all__ = ["Database", "EventFile", "Spool", "Writer"]
