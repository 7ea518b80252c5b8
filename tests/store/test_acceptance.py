"""A message and its event are one operation, alone or in a group."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailward.events import MessageAccepted, decode
from mailward.store import events, messages
from mailward.store.acceptance import Acceptance
from mailward.store.database import Database
from mailward.store.message import NewMessage
from mailward.store.message_id import new_id
from mailward.store.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from mailward.errors import StoreError


def acceptance(number: int, *, hold: bool = False) -> Acceptance:
    name = new_id(1_700_000_000_000 + number, bytes(10))
    message = NewMessage(
        id=name,
        envelope_from="ann@example.test",
        envelope_to=("bob@example.net",),
        content=b"Subject: %d\r\n\r\n" % number,
        spool=None,
        size=16,
        received=float(number),
        account="ann@example.test",
        source="192.0.2.1",
        session="s",
        subject=str(number),
        smtputf8=False,
        eightbit=False,
        hold=hold,
    )
    return Acceptance(message, MessageAccepted(time=datetime(2026, 5, 1, tzinfo=UTC), message=name))


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 100])
def test_a_group_is_stored_in_order(tmp_path: Path, count: int) -> None:
    """Rows, queue entries and events of each, whatever the size of the group; what is held is not queued."""
    connection = Database.open(tmp_path / "state" / "m.db").connect()
    group = [acceptance(number, hold=number % 3 == 0) for number in range(count)]
    Acceptance.together(connection, group)

    stored = list(messages.listing(connection))
    assert [each.id for each in stored] == [each.message.id for each in group]
    assert [each.state == "kept" for each in stored] == [each.message.hold for each in group]
    assert [each.next_attempt for each in stored if each.state == "queued"] == [
        each.message.received for each in group if not each.message.hold
    ]
    told = [decode(line) for _, line in events.select(connection)]
    assert [event.message for event in told if isinstance(event, MessageAccepted)] == [each.id for each in stored]
    connection.close()


def test_one_bad_message_spoils_no_other(tmp_path: Path) -> None:
    """An id that is there already fails alone; the others of its group are stored."""
    database = Database.open(tmp_path / "state" / "m.db")
    writer = Writer(database, deliver=lambda call: call())
    outcomes: list[StoreError | None] = []
    block = writer.run(lambda _connection: None)
    assert block is None
    for each in (acceptance(1), acceptance(2), acceptance(1), acceptance(3)):
        writer.submit(each, lambda _value, error: outcomes.append(error))
    writer.close()

    assert [error is None for error in outcomes].count(True) == 3
    assert len(list(messages.listing(database.reader()))) == 3
    database.close()
