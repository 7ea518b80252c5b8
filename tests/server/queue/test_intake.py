"""Taking a message in: what is stored and what is answered, and that neither is without the other."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from mailward.errors import StoreFull
from mailward.events import Event
from mailward.server.later import Later
from mailward.server.queue import intake
from mailward.server.queue.intake import Envelope, Incoming, Intake, Origin
from mailward.store import events, messages
from mailward.store.database import Database
from mailward.store.message import StoredMessage
from mailward.store.spool import INLINE_LIMIT, Spool
from mailward.store.writer import Writer
from mailward.wire import reply as replies
from mailward.wire.reply import Reply
from tests.store.sample import NOW
from tests.support.installation import own_field

ORIGIN = Origin(
    account="ann@example.test",
    source="192.0.2.7",
    ehlo="client.test",
    extended=True,
    tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
    listener="127.0.0.1:5465",
    session="5e5510",
)
ENVELOPE = Envelope(
    origin=ORIGIN,
    reverse_path="ann@example.test",
    forward_paths=("bob@example.test", "carol@example.test"),
    smtputf8=False,
    eightbit=True,
)


class World:
    def __init__(self, directory: Path, *, hold: bool = True) -> None:
        directory.chmod(0o700)
        loop = asyncio.get_running_loop()
        self.database = Database.open(directory / "mailward.db")
        self.writer = Writer(self.database, deliver=loop.call_soon_threadsafe)
        self.spool = Spool(directory / "spool")
        self.told: list[Event] = []
        self.accepted = 0
        self.intake = Intake(
            self.writer,
            self.spool,
            loop,
            hostname="mail.test",
            hold=hold,
            accepted=self._accept,
            tell=self.told.append,
            now=lambda: NOW,
        )

    def _accept(self) -> None:
        self.accepted += 1

    async def take(self, *pieces: bytes) -> Reply:
        """The answer to a message that comes in these pieces."""
        return await answer(self.begin(*pieces))

    def begin(self, *pieces: bytes) -> Incoming:
        incoming = self.intake.begin(ENVELOPE)
        for piece in pieces:
            incoming.add(piece)
        return incoming

    async def run(self, statement: str) -> None:
        """On the connection that writes, outside any message's transaction as far as it can tell."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.writer.submit(
            lambda connection: connection.execute(statement).fetchall(), lambda *end: done.set_result(end[1])
        )
        assert await asyncio.wait_for(done, 5) is None

    def stored(self) -> list[StoredMessage]:
        return list(messages.listing(self.database.reader()))

    def content(self, message: StoredMessage) -> bytes:
        return b"".join(messages.content(self.database.reader(), message.id, self.spool))

    def files(self) -> list[str]:
        return [path.name for path in self.spool.directory.iterdir()]


async def answer(incoming: Incoming) -> Reply:
    verdict = incoming.commit()
    if isinstance(verdict, Reply):
        return verdict
    return await told(verdict)


async def told(later: Later) -> Reply:
    heard: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    later.then(heard.set_result)
    return await asyncio.wait_for(heard, 10)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await asyncio.to_thread(world.writer.close)
    world.database.close()


@contextmanager
def full(monkeypatch: pytest.MonkeyPatch, operation: str) -> Iterator[None]:
    """`os.write` or `os.fsync` finds no space."""

    def no_space(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, no_space)
        yield


@pytest.mark.asyncio
@pytest.mark.parametrize("octets", [0, 1, 1000, INLINE_LIMIT - 400, INLINE_LIMIT, INLINE_LIMIT + 1, 3_000_000])
async def test_stored_as_it_came(world: World, octets: int) -> None:
    """However large it is and in whatever pieces it came: Received first, and then every octet as it was."""
    content = (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n" + os.urandom(octets).replace(b"\0", b"x"))[:octets]
    reply = await world.take(*(content[at : at + 70_001] for at in range(0, octets, 70_001)))

    (message,) = world.stored()
    assert reply == replies.queued(message.id)
    field, rest = own_field(world.content(message))
    assert rest == content
    assert b"with ESMTPSA" in field
    assert b"for <" not in field, "two recipients shall not learn of each other"
    assert message.size == len(field) + octets
    assert (message.spool is not None) == (message.size > INLINE_LIMIT)
    assert world.files() == [message.id] * (message.size > INLINE_LIMIT)
    if octets > 1000:
        assert message.subject == "Grüße"


@pytest.mark.asyncio
async def test_row_says_what_the_envelope_said(world: World) -> None:
    """The row and the event have the envelope, the account and the session; the event's row is there too."""
    await world.take(b"Subject: x\r\n\r\nhi\r\n")

    (message,) = world.stored()
    assert (message.envelope_from, message.envelope_to) == ("ann@example.test", ENVELOPE.forward_paths)
    assert (message.account, message.source, message.eightbit, message.state) == (
        "ann@example.test",
        "192.0.2.7",
        True,
        "kept",
    )
    (event,) = world.told
    assert (event.session, event.listener, event.account) == ("5e5510", "127.0.0.1:5465", "ann@example.test")
    assert getattr(event, "message", None) == message.id
    assert len(list(events.select(world.database.reader(), types=("message.accepted",)))) == 1
    assert world.accepted == 1


@pytest.mark.asyncio
async def test_due_at_once_unless_held(tmp_path: Path) -> None:
    """Outside the sandbox a message is due from the moment it was accepted."""
    world = World(tmp_path, hold=False)
    await world.take(b"x\r\n")
    due = messages.due(world.database.reader(), NOW, 10)
    await asyncio.to_thread(world.writer.close)
    world.database.close()

    assert [message.state for message in due] == ["queued"]


@pytest.mark.asyncio
@pytest.mark.parametrize("octets", [10, 200_000])
async def test_nothing_said_before_the_commit(world: World, octets: int) -> None:
    """Neither the reply nor the event is there before the disk has it, small or large."""
    go_on = threading.Event()
    world.writer.submit(lambda _connection: go_on.wait(10), lambda *_: None)
    verdict = world.begin(b"\r\n" + b"x" * octets).commit()
    assert isinstance(verdict, Later)
    heard: list[Reply] = []
    verdict.then(heard.append)
    await asyncio.sleep(0.05)
    assert heard == []
    assert world.told == []
    assert world.stored() == []

    go_on.set()
    while not heard:
        await asyncio.sleep(0.002)
    assert heard[0].code == 250
    assert len(world.told) == len(world.stored()) == 1


@pytest.mark.asyncio
async def test_discarded(world: World) -> None:
    """A transaction that came to nothing leaves no row, no file and no event."""
    for octets in (10, 200_000):
        incoming = world.begin(b"\r\n" + b"x" * octets)
        incoming.discard()
        incoming.discard()

    assert world.stored() == []
    assert world.files() == []
    assert world.told == []


@pytest.mark.asyncio
@pytest.mark.parametrize("operation", ["write", "fsync"])
async def test_full_disk(world: World, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """S66: no space, while the content comes or when it is synced, is 452 4.3.1, leaves nothing, and passes."""
    with full(monkeypatch, operation):
        reply = await world.take(b"\r\n" + b"x" * 200_000, b"y" * 10)
    assert reply is replies.NO_SPACE
    assert world.stored() == []
    assert world.files() == []
    assert world.told == []

    assert (await world.take(b"\r\n" + b"x" * 200_000)).code == 250


@pytest.mark.asyncio
@pytest.mark.parametrize("octets", [10, 200_000])
async def test_failed_commit(world: World, octets: int) -> None:
    """S67: what the database could not take is 451; no row, file or event of it stays, and the next is taken."""
    await world.run("CREATE TRIGGER fault BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'disk on fire'); END")
    assert await world.take(b"\r\n" + b"x" * octets) is replies.LOCAL_ERROR
    await world.run("DROP TRIGGER fault")
    assert world.stored() == []
    assert world.files() == []
    assert world.told == []
    assert world.accepted == 0

    assert (await world.take(b"\r\n" + b"x" * octets)).code == 250


@pytest.mark.asyncio
async def test_full_database(world: World) -> None:
    """S66: a database that cannot grow is 452 4.3.1; what it had taken stays, and it goes on when there is room."""
    await world.run("PRAGMA max_page_count = 60")
    said = [await world.take(b"\r\n" + b"x" * 50_000) for _ in range(6)]
    taken = sum(reply.code == 250 for reply in said)
    assert said[taken:] == [replies.NO_SPACE] * (6 - taken)
    assert taken < 6
    assert len(world.stored()) == len(world.told) == world.accepted == taken

    await world.run("PRAGMA max_page_count = 1000000")
    assert (await world.take(b"\r\n" + b"x" * 50_000)).code == 250


@pytest.mark.asyncio
async def test_spool_that_cannot_be_cleaned(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused message whose file cannot be removed is refused all the same: nobody waits for ever."""

    def fail(*_arguments: object) -> None:
        raise StoreFull("disk on fire", phase="store")

    monkeypatch.setattr(Spool, "remove", fail)
    await world.run("CREATE TRIGGER fault BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'disk on fire'); END")

    assert await world.take(b"\r\n" + b"x" * 200_000) is replies.LOCAL_ERROR


@pytest.mark.asyncio
async def test_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is twice the message and a reserve; a file system that cannot be asked has none."""
    free = 40_000_000
    monkeypatch.setattr(Spool, "free", lambda _self: free)
    assert world.intake.has_room(10_000_000)
    assert not world.intake.has_room(15_000_000)

    def unknown(_self: Spool) -> int:
        raise StoreFull("gone", phase="store")

    monkeypatch.setattr(Spool, "free", unknown)
    assert world.intake.has_room(10_000_000), "the answer is good for a moment"
    monkeypatch.setattr(intake, "_FREE_FOR", 0.0)
    assert not world.intake.has_room(0)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("header", "reply"),
    [
        (b"Received: from x\r\n" * 49, None),
        (b"Received: from x\r\n" * 50, replies.LOOP),
        (b"RECEIVED: from x\r\n\tby y\r\n" * 100, replies.LOOP),
        (b"a: b\r\n" * 9_990, None),
        (b"a: b\r\n" * 10_001, replies.HEADER_TOO_BIG),
        (b"__proto__: x\r\nconstructor: y\r\nBcc: z@example.test\r\n", None),
        (b"Subject: " + b"x" * 900_000 + b"\r\n", replies.HEADER_TOO_BIG),
        (b"no field at all, and no end of the header", None),
        (b"\r\nReceived: in the body\r\n" * 100, None),
    ],
    ids=[
        "49-hops",
        "50-hops",
        "folded-hops",
        "9990-fields",
        "10001-fields",
        "odd-names",
        "long-line",
        "no-header",
        "body",
    ],
)
async def test_absurd_headers(world: World, header: bytes, reply: Reply | None) -> None:
    """S44: a loop is 554, too many or too long fields are 552, whatever else is odd is stored as it is."""
    said = await world.take(header + b"\r\nbody\r\n")

    if reply is None:
        (message,) = world.stored()
        assert said.code == 250
        assert own_field(world.content(message))[1] == header + b"\r\nbody\r\n"
    else:
        assert said is reply
        assert world.stored() == []
        assert world.files() == []


@pytest.mark.asyncio
async def test_ids_are_of_their_time(world: World) -> None:
    """Names of messages are unique, and say nothing that could be guessed of the next."""
    ids = {world.begin(b"x").id for _ in range(500)}

    assert len(ids) == 500
    assert len({each[:10] for each in ids}) == 1


def keyed(world: World, *pieces: bytes, envelope: Envelope = ENVELOPE, key: str = "order-42") -> Incoming:
    incoming = world.intake.begin(replace(envelope, key=key))
    for piece in pieces:
        incoming.add(piece)
    return incoming


@pytest.mark.parametrize("size", [10, 3 * INLINE_LIMIT])
@pytest.mark.asyncio
async def test_a_message_said_again_under_its_key_is_taken_once(world: World, size: int) -> None:
    """The same id is answered, one message and one event are stored, and no spool file stays."""
    content = b"Subject: order\r\n\r\n" + b"x" * size
    first = await answer(keyed(world, content))
    again = await answer(keyed(world, content[:7], content[7:]))

    assert first == again
    assert first.code == 250
    assert [message.id for message in world.stored()] == [first.text.rpartition(" ")[2]]
    assert len(world.told) == world.accepted == 1
    assert len(world.files()) == (1 if size > INLINE_LIMIT else 0)


@pytest.mark.asyncio
async def test_both_at_once_under_one_key_are_taken_once(world: World) -> None:
    """A client that gave up waiting says it again while the first is still being written."""
    content = b"Subject: order\r\n\r\nx"
    first, again = keyed(world, content), keyed(world, content)
    replies_ = await asyncio.gather(answer(first), answer(again))

    assert replies_[0] == replies_[1]
    assert len(world.stored()) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(ENVELOPE, forward_paths=("bob@example.test",)),
        replace(ENVELOPE, reverse_path=""),
        None,
    ],
    ids=["recipients", "sender", "content"],
)
@pytest.mark.asyncio
async def test_another_message_under_a_used_key_is_refused(world: World, other: Envelope | None) -> None:
    """A key that was meant to be fresh must not swallow a message."""
    content = b"Subject: order\r\n\r\nx"
    assert (await answer(keyed(world, content))).code == 250

    second = keyed(world, content, envelope=other) if other else keyed(world, content + b"y")
    assert await answer(second) == replies.KEY_USED
    assert len(world.stored()) == 1


@pytest.mark.asyncio
async def test_a_key_is_its_owners(world: World) -> None:
    """Two accounts, or two sources without login, may use the same key for what they send."""
    content = b"Subject: order\r\n\r\nx"
    owners = [
        ORIGIN,
        replace(ORIGIN, account="eve@example.test"),
        replace(ORIGIN, account=None),
        replace(ORIGIN, account=None, source="192.0.2.8"),
    ]
    for owner in owners:
        assert (await answer(keyed(world, content, envelope=replace(ENVELOPE, origin=owner)))).code == 250
    assert len(world.stored()) == len(owners)
