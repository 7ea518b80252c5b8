"""Storing a message together with the event that tells of it; a group of them in a few statements.

SQLite gives the interpreter back for each statement, and a busy server takes it then: rows that go in by one statement
cost it one such hand-over, not one each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from mailward.events import MessageAccepted
from mailward.store import events, messages
from mailward.store.message import NewMessage

_ROWS = 32  # in one statement: few enough that each length's statement stays prepared


class Acceptance:
    """An operation for `Writer.submit`."""

    __slots__ = ("event", "message")

    def __init__(self, message: NewMessage, event: MessageAccepted) -> None:
        self.message = message
        self.event = event

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.together(connection, [self])

    @staticmethod
    def together(connection: sqlite3.Connection, operations: Sequence[Acceptance]) -> None:
        """Carry out all of them, in their order."""
        for some in _chunks(operations):
            messages.insert_all(connection, [each.message for each in some])
            events.append_all(connection, [each.event for each in some])


def _chunks(operations: Sequence[Acceptance]) -> Iterator[Sequence[Acceptance]]:
    for start in range(0, len(operations), _ROWS):
        yield operations[start : start + _ROWS]
