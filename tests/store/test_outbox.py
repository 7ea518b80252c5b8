"""The file of an outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.errors import StoreError, StoreFull
from mailward.store.outbox import KEPT, PIECE, OutboxFile
from mailward.store.ticket import Ticket, TicketRecipient


def ticket(number: int = 1, *, key: str | None = None, due: float = 10.0, owner: str = "") -> Ticket:
    return Ticket(
        id=f"T{number}",
        key=key or f"key-{number}",
        created=10.0 + number,
        sender="ann@example.test",
        recipients=(TicketRecipient("bob@example.test"), TicketRecipient("cid@example.test")),
        size=3,
        how='{"priority": 1}',
        owner=owner,
        next_attempt=due,
    )


@pytest.fixture
def file(tmp_path: Path) -> OutboxFile:
    return OutboxFile(tmp_path / "outbox.db", most=5, most_octets=10 * PIECE)


def settled(file: OutboxFile, taken: Ticket, state: str, *, idempotent: bool | None = None) -> None:
    recipients = tuple(replace(each, state=state, reply="250 ok") for each in taken.recipients)
    file.settle(replace(taken, recipients=recipients, state=state, ended=50.0), idempotent=idempotent)


def pieces_in(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (number,) = connection.execute("SELECT count(*) FROM pieces").fetchone()
    connection.close()
    return int(number)


def test_it_is_kept_as_it_was_put(file: OutboxFile) -> None:
    """Every field of it, by its id and by its key; nothing is there before."""
    assert (file.every(), file.find("T1"), file.next_attempt()) == ([], None, None)
    assert file.put(ticket(), [b"abc"]) == "T1"

    assert file.find("T1") == file.find("key-1") == ticket() == file.every()[0]
    assert b"".join(file.pieces("T1")) == b"abc"
    assert file.next_attempt() == 10.0


def test_one_key_one_ticket(file: OutboxFile) -> None:
    """The second gives the id of the first, large or small, and leaves nothing behind."""
    file.put(ticket(1, key="same"), [b"abc"])

    assert file.put(ticket(2, key="same"), [b"xyz"]) == "T1"
    assert file.put(ticket(3, key="same"), [b"x", b"y", b"z"]) == "T1"
    assert len(file.every()) == 1
    assert pieces_in(file.path) == 1


def test_claimed_once(file: OutboxFile) -> None:
    """The one that is due first, once, and only when it is due."""
    file.put(ticket(1, due=20.0), [b"abc"])
    file.put(ticket(2, due=15.0), [b"abc"])
    assert file.claim(14.0, owner="me", via="x") is None
    first, second = (file.claim(30.0, owner="me", via="x") for _ in range(2))

    assert first is not None
    assert second is not None
    assert [(each.id, each.state, each.owner, each.attempts) for each in (first, second)] == [
        ("T2", "sending", "me", 1),
        ("T1", "sending", "me", 1),
    ]
    assert file.claim(30.0, owner="you", via="x") is None
    assert file.next_attempt() is None


def test_sent_leaves_no_content(file: OutboxFile) -> None:
    """The content goes at once, the rest after a week, when something else is put."""
    file.put(ticket(), [b"abc"])
    taken = file.claim(30.0, owner="me", via="x")
    assert taken is not None
    settled(file, taken, "sent")
    found = file.find("T1")

    assert found is not None
    assert (found.state, [each.reply for each in found.recipients]) == ("sent", ["250 ok", "250 ok"])
    assert pieces_in(file.path) == 0
    file.put(replace(ticket(2), created=51.0), [b"abc"])
    assert file.find("T1") is not None
    file.put(replace(ticket(3), created=51.0 + KEPT), [b"abc"])
    assert file.find("T1") is None


def test_only_its_owner_settles_it(file: OutboxFile) -> None:
    """A verdict that comes too late, after the ticket was taken for lost, changes nothing."""
    file.put(ticket(), [b"abc"])
    taken = file.claim(30.0, owner="me", via="x")
    assert taken is not None
    file.recover(lambda _owner: False)
    settled(file, taken, "sent")

    found = file.find("T1")
    assert found is not None
    assert found.state == "unknown"


def test_a_dead_sender(file: OutboxFile) -> None:
    """What it had begun is unknown, for those recipients that waited; the living keep theirs."""
    file.put(ticket(1), [b"abc"])
    file.put(ticket(2), [b"abc"])
    file.claim(30.0, owner="dead", via="x")
    file.claim(30.0, owner="alive", via="x")
    recovered = file.recover(lambda owner: owner == "alive")

    assert [each.id for each in recovered] == ["T1"]
    assert [each.state for each in file.every()] == ["unknown", "sending"]
    found = file.find("T1")
    assert found is not None
    assert {each.state for each in found.recipients} == {"unknown"}
    assert "ended before it could tell" in found.error
    assert file.recover(lambda owner: owner == "alive") == []


def test_a_dead_sender_to_a_server_that_takes_it_once(file: OutboxFile) -> None:
    """It is due again, and only for such a server."""
    file.put(ticket(1), [b"abc"])
    file.put(ticket(2), [b"abc"])
    taken = file.claim(30.0, owner="dead", via="mailward")
    assert taken is not None
    settled(file, taken, "sent", idempotent=True)
    file.claim(30.0, owner="dead", via="mailward")
    (recovered,) = file.recover(lambda _owner: False)

    assert (recovered.id, recovered.state, recovered.once) == ("T2", "waiting", True)
    again = file.claim(30.0, owner="me", via="mailward")
    assert again is not None
    assert (again.id, again.once, again.attempts) == ("T2", True, 2)


def test_a_put_that_broke_off(file: OutboxFile) -> None:
    """Nothing of it is seen; where its process died, it is swept away."""

    def broken() -> list[bytes]:
        raise OSError("disk")

    def some() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        broken()

    with pytest.raises(OSError, match="disk"):
        file.put(ticket(1, owner="me"), some())
    assert pieces_in(file.path) == 0
    with sqlite3.connect(file.path) as connection:  # as one that was killed leaves it
        connection.execute("INSERT INTO pieces VALUES ('T2', 0, x'00')")
        columns = "('T2', NULL, 1, '', '', '', 1, 0, 0, '{}', 'incoming', 'dead', '', 0, 0, NULL, NULL, '', '')"
        connection.execute(f"INSERT INTO tickets VALUES {columns}")
    connection.close()
    assert (file.every(), file.find("T2")) == ([], None)
    file.recover(lambda _owner: False)
    assert pieces_in(file.path) == 0


def test_large_content_is_in_pieces(file: OutboxFile) -> None:
    """As they were given, and read one by one."""
    given = [b"a" * PIECE, b"b" * PIECE, b"c"]
    file.put(replace(ticket(owner="me"), size=2 * PIECE + 1), given)

    assert list(file.pieces("T1")) == given
    assert file.next_attempt() == 10.0
    found = file.find("T1")
    assert found is not None
    assert (found.state, found.key, found.owner) == ("waiting", "key-1", "")


def test_it_is_bounded(file: OutboxFile) -> None:
    """By tickets and by octets; what was sent does not count."""
    for number in range(5):
        file.put(ticket(number), [b"abc"])
    with pytest.raises(StoreFull, match="as much as it may"):
        file.put(ticket(9), [b"abc"])
    taken = file.claim(30.0, owner="me", via="x")
    assert taken is not None
    settled(file, taken, "sent")
    with pytest.raises(StoreFull):
        file.put(replace(ticket(9), size=10 * PIECE), [b"abc"])
    assert file.put(ticket(9), [b"abc"]) == "T9"


def test_retry_and_forget(file: OutboxFile) -> None:
    """What is unknown or failed waits again; what is being sent cannot be forgotten."""
    file.put(ticket(), [b"abc"])
    taken = file.claim(30.0, owner="me", via="x")
    assert taken is not None
    assert not file.forget("T1")
    settled(file, taken, "unknown")
    assert file.retry("T1", 40.0)
    again = file.find("T1")
    assert again is not None
    assert (again.state, again.attempts, again.next_attempt, again.waiting) == (
        "waiting",
        0,
        40.0,
        ("bob@example.test", "cid@example.test"),
    )
    assert file.retry("T1", 20.0)
    taken = file.claim(20.0, owner="me", via="x")
    assert taken is not None
    settled(file, taken, "sent")
    assert not file.retry("T1", 50.0)
    assert file.forget("T1")
    assert not file.forget("T1")


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A database of another program is not touched."""
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()

    with pytest.raises(StoreError, match="another program"):
        OutboxFile(tmp_path / "other.db").put(ticket(), [b"abc"])
