"""One message under one key."""

from __future__ import annotations

from pathlib import Path

from mailward.store import events, messages
from mailward.store.database import Database
from mailward.store.idempotency import KEPT_FOR, KeyedAcceptance
from tests.store.test_acceptance import acceptance


def keyed(number: int, *, key: str = "k", digest: bytes = b"d" * 32) -> KeyedAcceptance:
    return KeyedAcceptance(acceptance(number), owner="account ann@example.test", key=key, digest=digest)


def test_the_first_message_is_the_one_that_is_stored(tmp_path: Path) -> None:
    """Whoever comes again with the same digest hears its id; with another digest, None; nothing more is stored."""
    connection = Database.open(tmp_path / "state" / "m.db").connect()

    first = keyed(1)(connection)
    assert keyed(2)(connection) == first
    assert keyed(3, digest=b"e" * 32)(connection) is None
    assert [each.id for each in messages.listing(connection)] == [first]
    assert len(list(events.select(connection))) == 1
    connection.close()


def test_a_key_is_forgotten(tmp_path: Path) -> None:
    """After a day it may be used for another message, and old keys leave as new ones come."""
    connection = Database.open(tmp_path / "state" / "m.db").connect()
    keyed(0)(connection)
    for number in range(1, 50):
        keyed(number, key=f"k{number}")(connection)

    later = keyed(KEPT_FOR + 30, digest=b"e" * 32)(connection)
    assert later is not None
    assert keyed(KEPT_FOR + 31, digest=b"e" * 32)(connection) == later
    assert connection.execute("SELECT count(*) FROM idempotency").fetchone() == (20,)  # k31 to k49, and the new one
    connection.close()
