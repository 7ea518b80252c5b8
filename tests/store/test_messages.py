"""mailward.store.messages"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, StoreError
from mailward.store import Database, Spool, messages
from mailward.store.message import StoredMessage
from mailward.store.message_id import new_id
from tests.store.sample import NOW, new_message, spooled

THREE = ("bob@example.test", "eve@example.test", "jörg@example.test")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = Database.open(tmp_path / "mailward.sqlite")
    opened = database.connect()
    yield opened
    opened.close()
    database.close()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def insert(connection: sqlite3.Connection, number: int = 0, *, hold: bool = False, due: float = NOW) -> str:
    message = new_message(id=new_id(number, b"0123456789"), received=due, hold=hold)
    messages.insert(connection, message)
    return message.id


def bounce(connection: sqlite3.Connection, id_: str) -> StoredMessage:
    results = {"bob@example.test": ("bounced", "550 no")}
    return messages.record_attempt(connection, id_, results=results, next_attempt=None, now=NOW)


def states(message: StoredMessage) -> list[str]:
    return [recipient.state for recipient in message.recipients]


@given(
    envelope_from=TEXT,
    envelope_to=st.lists(TEXT, min_size=1, max_size=5).map(tuple),
    content=st.binary(max_size=200),
    subject=TEXT,
    account=st.none() | TEXT,
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_what_was_stored_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    envelope_from: str,
    envelope_to: tuple[str, ...],
    content: bytes,
    subject: str,
    account: str | None,
    flags: tuple[bool, bool, bool],
) -> None:
    """Every field and every octet, whatever is in them."""
    folder = tmp_path_factory.getbasetemp() / "round-trip"
    database = Database.open(folder / "mailward.sqlite")
    connection = database.connect()
    smtputf8, eightbit, hold = flags
    message = new_message(
        envelope_from=envelope_from,
        envelope_to=envelope_to,
        content=content,
        subject=subject,
        account=account,
        smtputf8=smtputf8,
        eightbit=eightbit,
        hold=hold,
    )

    messages.insert(connection, message)

    stored = messages.get(connection, message.id)
    octets = b"".join(messages.content(connection, message.id, Spool(folder / "spool")))
    connection.close()
    database.close()
    assert stored is not None
    assert octets == content
    given_ = {name: value for name, value in asdict(message).items() if name not in {"content", "session", "hold"}}
    assert {name: asdict(stored)[name] for name in given_} == given_
    assert stored.state == ("kept" if hold else "queued")
    assert stored.next_attempt == (None if hold else NOW)


def test_large_content_is_in_the_spool(connection: sqlite3.Connection, spool: Spool) -> None:
    """A message whose content is a file gives the same octets; without the file, an error that names it."""
    message = new_message(content=None, spool=None)
    size = spooled(spool, message.id, b"x" * 300_000, b"y")
    message = new_message(id=message.id, content=None, spool=message.id, size=size)
    messages.insert(connection, message)

    octets = b"".join(messages.content(connection, message.id, spool))

    assert octets == b"x" * 300_000 + b"y"
    assert messages.spooled(connection) == {message.id}
    spool.remove(message.id)
    with pytest.raises(StoreError, match=message.id):
        next(messages.content(connection, message.id, spool))


@pytest.mark.parametrize("content, spool", [(None, None), (b"x", "name")])
def test_content_is_in_one_place(connection: sqlite3.Connection, content: bytes | None, spool: str | None) -> None:
    """Neither nowhere nor twice."""
    with pytest.raises(sqlite3.IntegrityError):
        messages.insert(connection, new_message(content=content, spool=spool))


def test_an_id_is_stored_once(connection: sqlite3.Connection) -> None:
    """A second message of the same id is refused, and the first stays."""
    id_ = insert(connection)

    with pytest.raises(sqlite3.IntegrityError):
        insert(connection)

    assert messages.get(connection, id_) is not None


def test_listing(connection: sqlite3.Connection) -> None:
    """In order of arrival, by state, after a message, and no more than asked for."""
    kept, queued, bounced = insert(connection, 1, hold=True), insert(connection, 2), insert(connection, 3)
    bounce(connection, bounced)

    def ids(**wanted: str | int) -> list[str]:
        after, limit, state = wanted.get("after"), wanted.get("limit"), wanted.get("state")
        found = messages.listing(
            connection,
            states=str(state).split() if state is not None else None,
            after=None if after is None else str(after),
            limit=None if limit is None else int(limit),
        )
        return [message.id for message in found]

    assert ids() == [kept, queued, bounced]
    assert ids(state="kept") == [kept]
    assert ids(state="queued") == [queued]
    assert ids(state="bounced") == [bounced]
    assert ids(state="bounced kept") == [kept, bounced]
    assert ids(state="delivered") == ids(state="") == []
    assert ids(after=kept) == [queued, bounced]
    assert ids(limit=2) == [kept, queued]
    assert ids(after=kept, limit=1, state="queued bounced") == [queued]


def test_listing_has_no_bound_of_its_own(connection: sqlite3.Connection) -> None:
    """Without a limit everything there is comes, each once."""
    connection.execute("BEGIN")
    ids = [insert(connection, number, hold=number % 3 == 0) for number in range(1234)]
    connection.execute("COMMIT")

    assert [message.id for message in messages.listing(connection)] == ids


def test_unknown(connection: sqlite3.Connection, spool: Spool) -> None:
    """No message of that id: None, or an error that shows the id safely."""
    assert messages.get(connection, "x") is None
    with pytest.raises(InputError, match=r"there is no message \\x1b"):
        messages.content(connection, "\x1b", spool)
    with pytest.raises(InputError, match="there is no message x"):
        messages.record_attempt(connection, "x", results={}, next_attempt=None, now=NOW)


def test_due(connection: sqlite3.Connection) -> None:
    """The queued whose time has come, the longest waiting first, no more than asked for."""
    later, first, second = (insert(connection, n, due=due) for n, due in enumerate((NOW + 60, NOW - 2, NOW - 1)))
    insert(connection, 9, hold=True, due=NOW - 9)

    assert [message.id for message in messages.due(connection, NOW, 10)] == [first, second]
    assert [message.id for message in messages.due(connection, NOW, 1)] == [first]
    assert [message.id for message in messages.due(connection, NOW + 60, 10)] == [first, second, later]


def test_a_damaged_row_holds_up_no_other(connection: sqlite3.Connection) -> None:
    """Rows that cannot be understood, however many and however long they wait, are told and passed over."""
    bad = [insert(connection, number, due=NOW - 100 + number) for number in range(7)]
    good = [insert(connection, 10 + number, due=NOW - 10 + number) for number in range(3)]
    for id_ in bad:
        connection.execute(
            "UPDATE deliveries SET recipients = '[[]]' WHERE message = (SELECT seq FROM messages WHERE id = ?)", (id_,)
        )
    told: list[StoreError] = []

    assert [message.id for message in messages.due(connection, NOW, 2, damaged=told.append)] == good[:2]
    assert [id_ for id_, problem in zip(bad, told, strict=True) if id_ in problem.message] == bad
    assert [message.id for message in messages.due(connection, NOW, 50)] == good


def test_nothing_is_due(connection: sqlite3.Connection) -> None:
    """Kept and bounced messages wait for nobody."""
    insert(connection, 1, hold=True)
    bounce(connection, insert(connection, 2))

    assert messages.due(connection, NOW + 1e6, 10) == []


def test_a_clock_that_was_wrong_holds_nothing_back(connection: sqlite3.Connection) -> None:
    """A message that was accepted while the clock ran a year ahead is due now; one deferred for a day is not."""
    year_ahead = insert(connection, 1, due=NOW + 365 * 86_400)
    insert(connection, 2, due=NOW + 86_400)

    assert [message.id for message in messages.due(connection, NOW, 10)] == [year_ahead]


def test_delivered(connection: sqlite3.Connection) -> None:
    """When the next server took it for everybody, nothing of it is left."""
    id_ = insert(connection)

    after = messages.record_attempt(
        connection, id_, results={"bob@example.test": ("delivered", "250 ok")}, next_attempt=None, now=NOW + 5
    )

    assert (after.state, after.attempts, after.last_reply, after.last_attempt) == ("delivered", 1, "250 ok", NOW + 5)
    assert messages.get(connection, id_) is None
    for table in ("messages", "deliveries"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_deferred(connection: sqlite3.Connection, spool: Spool) -> None:
    """It waits until its next attempt, and the count, the time and the reply are kept."""
    id_ = insert(connection)
    results = {"bob@example.test": ("deferred", "451 later")}

    messages.record_attempt(connection, id_, results=results, next_attempt=NOW + 60, now=NOW)
    after = messages.record_attempt(connection, id_, results=results, next_attempt=NOW + 600, now=NOW + 60)

    assert after == messages.get(connection, id_)
    assert (after.state, after.attempts, after.next_attempt) == ("queued", 2, NOW + 600)
    assert (after.last_reply, after.last_attempt, states(after)) == ("451 later", NOW + 60, ["deferred"])
    assert messages.due(connection, NOW + 599, 1) == []
    assert b"Hi." in b"".join(messages.content(connection, id_, spool))


def test_bounced(connection: sqlite3.Connection, spool: Spool) -> None:
    """A message nobody took leaves the queue, but not the store."""
    id_ = insert(connection)

    after = bounce(connection, id_)

    assert after == messages.get(connection, id_)
    assert (after.state, after.next_attempt, states(after)) == ("bounced", None, ["bounced"])
    assert [message.id for message in messages.listing(connection, states=["bounced"])] == [id_]
    assert b"Hi." in b"".join(messages.content(connection, id_, spool))


def test_each_recipient_for_itself(connection: sqlite3.Connection) -> None:
    """One is delivered, one deferred, one not tried; what is not named again stays; a bounce keeps the message."""
    bob, eve, joerg = THREE
    message = new_message(envelope_to=THREE)
    messages.insert(connection, message)

    first = messages.record_attempt(
        connection,
        message.id,
        results={bob: ("delivered", "250 ok"), eve: ("deferred", "450 busy")},
        next_attempt=NOW + 60,
        now=NOW,
    )
    second = messages.record_attempt(
        connection,
        message.id,
        results={eve: ("bounced", "550 no"), joerg: ("delivered", "250 ok")},
        next_attempt=None,
        now=NOW + 60,
    )

    assert (first.state, states(first), first.last_reply) == ("queued", ["delivered", "deferred", "queued"], "450 busy")
    assert (second.state, states(second), second.last_reply) == (
        "bounced",
        ["delivered", "bounced", "delivered"],
        "550 no",
    )
    assert [recipient.reply for recipient in second.recipients] == ["250 ok", "550 no", "250 ok"]
    assert messages.get(connection, message.id) == second


def test_an_attempt_that_makes_no_sense(connection: sqlite3.Connection) -> None:
    """A stranger's result, no time for the next attempt, a message not queued: refused, and nothing is changed."""
    queued, kept = insert(connection, 1), insert(connection, 2, hold=True)
    before = list(messages.listing(connection))
    deferred = {"bob@example.test": ("deferred", "450 busy")}

    with pytest.raises(InputError, match="no recipient eve"):
        messages.record_attempt(
            connection, queued, results={"eve@example.test": ("delivered", "")}, next_attempt=None, now=NOW
        )
    with pytest.raises(InputError, match="no time for the next attempt"):
        messages.record_attempt(connection, queued, results=deferred, next_attempt=None, now=NOW)
    with pytest.raises(InputError, match="is kept, not queued"):
        messages.record_attempt(connection, kept, results=deferred, next_attempt=NOW, now=NOW)

    assert list(messages.listing(connection)) == before


def test_a_deferral_leaves_the_content_alone(connection: sqlite3.Connection) -> None:
    """Putting off a large message writes a page or two, not the message."""
    message = new_message(content=b"x" * 60_000, size=60_000)
    messages.insert(connection, message)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    messages.record_attempt(
        connection,
        message.id,
        results={"bob@example.test": ("deferred", "450 busy")},
        next_attempt=NOW + 60,
        now=NOW,
    )

    pages = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    assert pages <= 4


def test_the_queue_is_looked_up_by_time(connection: sqlite3.Connection) -> None:
    """What is due is read in order from an index, however many wait."""
    asked: list[str] = []
    insert(connection)
    connection.set_trace_callback(asked.append)
    messages.due(connection, NOW, 10)
    connection.set_trace_callback(None)

    plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()) for query in asked]
    assert len(plans) == 2
    assert all("deliveries_by_next_attempt" in plan and "TEMP B-TREE" not in plan for plan in plans)
