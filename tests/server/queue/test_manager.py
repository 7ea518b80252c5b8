"""The queue's clock: what is due is tried, what failed waits, what is final leaves, and each is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from mailward.client.schedule import Schedule
from mailward.errors import StoreError
from mailward.events import Event, MessageBounced, MessageDeferred, MessageDelivered, encode
from mailward.server.queue.manager import Manager, Results
from mailward.store import events, messages
from mailward.store.database import Database
from mailward.store.message import BOUNCED, DEFERRED, DELIVERED, NewMessage, StoredMessage
from mailward.store.spool import Spool
from mailward.store.writer import Writer
from tests.store.sample import NOW, new_message, spooled

TAKEN = (DELIVERED, "250 2.0.0 taken")
LATER = (DEFERRED, "451 4.3.0 later")
NEVER = (BOUNCED, "550 5.1.1 no such user")
ANN, BOB, CAROL = "ann@example.test", "bob@example.test", "carol@example.test"


class World:
    """A queue on a real database, a clock that stands still, and a next server that is a function."""

    def __init__(self, directory: Path, *, concurrency: int = 10) -> None:
        directory.chmod(0o700)
        loop = asyncio.get_running_loop()
        self.now = NOW
        self.answers: Callable[[StoredMessage, tuple[str, ...]], Results] = lambda _, to: dict.fromkeys(to, TAKEN)
        self.tried: list[tuple[str, bytes, tuple[str, ...]]] = []
        self.told: list[Event] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.database = Database.open(directory / "mailward.db")
        self.writer = Writer(self.database, deliver=loop.call_soon_threadsafe)
        self.spool = Spool(directory / "spool")
        self.manager = Manager(
            self.database.reader(),
            self.writer,
            self.spool,
            self._deliver,
            schedule=Schedule(first=60, longest=600, give_up=3600, jitter=0.0),
            concurrency=concurrency,
            tell=self.told.append,
            now=lambda: self.now,
            chance=lambda: 0.5,
        )
        self.running = loop.create_task(self.manager.run())

    async def _deliver(self, message: StoredMessage, content: bytes, to: tuple[str, ...]) -> Results:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            self.tried.append((message.id, content, to))
            return self.answers(message, to)
        finally:
            self.at_once -= 1

    async def add(self, **fields: Any) -> NewMessage:
        message = new_message(**fields)
        await self.write(lambda connection: messages.insert(connection, message))
        self.manager.wake()
        return message

    async def write(self, operation: Callable[[Any], object]) -> None:
        done = asyncio.get_running_loop().create_future()
        self.writer.submit(operation, lambda _, problem: done.set_result(problem))
        assert await asyncio.wait_for(done, 5) is None

    async def until(self, condition: Callable[[], object]) -> None:
        async def wait() -> None:
            while not condition():
                await asyncio.sleep(0.002)

        await asyncio.wait_for(wait(), 5)

    def listing(self) -> list[StoredMessage]:
        return list(messages.listing(self.database.reader()))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.manager.wake()

    async def close(self) -> None:
        if self.gate is not None:
            self.gate.set()
        await self.manager.stop(5)
        await asyncio.wait_for(self.running, 5)
        await asyncio.to_thread(self.writer.close)
        self.database.close()


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.close()


@pytest.mark.asyncio
async def test_delivered(world: World) -> None:
    """A message is tried at once, with its octets and recipients; taken for all, it leaves the store and is told."""
    message = await world.add(envelope_to=(BOB, CAROL))
    await world.until(lambda: world.told)

    assert world.tried == [(message.id, message.content, (BOB, CAROL))]
    assert world.listing() == []
    (event,) = world.told
    assert isinstance(event, MessageDelivered)
    assert (event.message, event.envelope_to, event.reply) == (message.id, (BOB, CAROL), "250 2.0.0 taken")
    assert [line for _, line in events.select(world.database.reader())] == [encode(event)]


@pytest.mark.asyncio
async def test_deferred(world: World) -> None:
    """What was put off waits its turn, twice as long each time, and is tried again then and not before."""
    world.answers = lambda _, to: dict.fromkeys(to, LATER)
    await world.add()
    await world.until(lambda: world.told)
    (waiting,) = world.listing()
    assert (waiting.attempts, waiting.next_attempt, waiting.last_reply) == (1, NOW + 60, LATER[1])

    world.pass_time(59)
    await asyncio.sleep(0.02)
    assert len(world.tried) == 1
    world.pass_time(1)
    await world.until(lambda: len(world.told) == 2)
    (waiting,) = world.listing()
    assert (waiting.attempts, waiting.next_attempt) == (2, NOW + 60 + 120)

    world.answers = lambda _, to: dict.fromkeys(to, TAKEN)
    world.pass_time(120)
    await world.until(lambda: len(world.told) == 3)
    assert world.listing() == []
    first, second, third = world.told
    assert isinstance(first, MessageDeferred)
    assert isinstance(second, MessageDeferred)
    assert isinstance(third, MessageDelivered)
    assert (first.attempt, first.next_attempt, second.attempt) == (1, NOW + 60, 2)


@pytest.mark.asyncio
async def test_each_recipient_by_itself(world: World) -> None:
    """One taken, one refused, one put off: three events, and only the last is tried again; then it has bounced."""
    verdicts = {ANN: TAKEN, BOB: NEVER, CAROL: LATER}
    world.answers = lambda _, to: {address: verdicts[address] for address in to}
    await world.add(envelope_to=(ANN, BOB, CAROL))
    await world.until(lambda: len(world.told) == 3)
    (waiting,) = world.listing()
    assert waiting.state == "queued"
    assert {each.address: (each.state, each.reply) for each in waiting.recipients} == verdicts

    verdicts[CAROL] = TAKEN
    world.pass_time(60)
    await world.until(lambda: len(world.told) == 4)
    assert [to for _, _, to in world.tried] == [(ANN, BOB, CAROL), (CAROL,)]
    (bounced,) = world.listing()
    assert bounced.state == "bounced"
    kinds = {(type(event), event.envelope_to) for event in world.told if hasattr(event, "envelope_to")}
    assert kinds == {
        (MessageDelivered, (ANN,)),
        (MessageBounced, (BOB,)),
        (MessageDeferred, (CAROL,)),
        (MessageDelivered, (CAROL,)),
    }


@pytest.mark.asyncio
async def test_given_up(world: World) -> None:
    """What is still put off when its time is over has bounced, with the last reply."""
    world.answers = lambda _, to: dict.fromkeys(to, LATER)
    await world.add(received=NOW - 3600)
    for attempt in range(1, 5):
        await world.until(partial(lambda made: len(world.told) == made, attempt))
        world.pass_time(600)
    await world.until(lambda: len(world.told) == 5)

    *deferred, event = world.told
    assert all(isinstance(each, MessageDeferred) for each in deferred)
    assert isinstance(event, MessageBounced)
    assert event.reply == LATER[1]
    assert [message.state for message in world.listing()] == ["bounced"]
    world.pass_time(100_000)
    await asyncio.sleep(0.02)
    assert len(world.tried) == 5


@pytest.mark.asyncio
async def test_so_many_at_once(tmp_path: Path) -> None:
    """No more deliveries run at once than are allowed, the longest waiting first, and all get their turn."""
    world = World(tmp_path, concurrency=3)
    world.gate = asyncio.Event()
    added = [await world.add(received=NOW - 10 + number) for number in range(8)]
    await world.until(lambda: world.at_once == 3)
    await asyncio.sleep(0.02)
    world.gate.set()
    await world.until(lambda: len(world.told) == 8)

    assert world.most_at_once == 3
    assert {id_ for id_, _, _ in world.tried[:3]} == {message.id for message in added[:3]}
    await world.close()


@pytest.mark.asyncio
async def test_one_hanging_delivery_stops_nobody(world: World) -> None:
    """A delivery that takes its time holds up no other message, and is not begun twice."""
    held = world.gate = asyncio.Event()
    slow = await world.add()
    await world.until(lambda: world.at_once == 1)
    world.gate = None
    quick = await world.add()
    await world.until(lambda: world.told)
    for _ in range(5):
        world.manager.wake()
        await asyncio.sleep(0.005)
    held.set()
    await world.until(lambda: len(world.told) == 2)

    assert [id_ for id_, _, _ in world.tried] == [quick.id, slow.id]


@pytest.mark.asyncio
async def test_fault_of_ours_defers(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An exception nobody expected puts that message off, says so in the log, and stops no other."""

    def broken(message: StoredMessage, to: tuple[str, ...]) -> Results:
        if message.id == bad.id:
            raise RuntimeError("inner workings")
        return dict.fromkeys(to, TAKEN)

    world.answers = broken
    bad = new_message()
    await world.write(lambda connection: messages.insert(connection, bad))
    good = await world.add()
    await world.until(lambda: len(world.told) == 2)

    by_id = {event.message: event for event in world.told if isinstance(event, MessageDeferred | MessageDelivered)}
    assert isinstance(by_id[good.id], MessageDelivered)
    assert isinstance(by_id[bad.id], MessageDeferred)
    assert "inner workings" not in by_id[bad.id].reply
    assert "a fault of ours" in caplog.text


@pytest.mark.asyncio
async def test_content_that_is_gone_defers(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A spool file that is damaged is never sent on; the message waits for someone to mend it."""
    message = new_message(content=None, size=100)
    name = message.id
    spooled(world.spool, name, b"x" * 99)
    await world.add(id=name, content=None, spool=name, size=100)
    await world.until(lambda: world.told)

    (event,) = world.told
    assert isinstance(event, MessageDeferred)
    assert world.tried == []
    assert "99 octets instead of 100" in caplog.text


@pytest.mark.asyncio
async def test_spool_file_goes_with_its_message(world: World) -> None:
    """A large message that was taken leaves nothing in the spool; one that bounced stays to be looked at."""
    names = []
    for to, verdict in ((BOB, TAKEN), (CAROL, NEVER)):
        message = new_message(content=None, size=100)
        names.append(message.id)
        world.answers = always(verdict)
        spooled(world.spool, message.id, b"x" * 100)
        await world.add(id=message.id, content=None, spool=message.id, size=100, envelope_to=(to,))
        await world.until(lambda: len(world.told) == len(names))
    await world.until(lambda: not (world.spool.directory / names[0]).exists())

    assert (world.spool.directory / names[1]).exists()


def always(verdict: tuple[str, str]) -> Callable[[StoredMessage, tuple[str, ...]], Results]:
    return lambda _, to: dict.fromkeys(to, verdict)


@pytest.mark.asyncio
async def test_sandbox_mail_stays(world: World) -> None:
    """What is kept is never due."""
    await world.add(hold=True)
    world.pass_time(1_000_000)
    await asyncio.sleep(0.02)

    assert world.tried == []


@pytest.mark.asyncio
async def test_stop_lets_deliveries_end(world: World) -> None:
    """Stopping starts nothing more and waits for what is under way; its end is recorded."""
    world.gate = asyncio.Event()
    await world.add()
    await world.until(lambda: world.at_once == 1)
    stopping = asyncio.get_running_loop().create_task(world.manager.stop(5))
    await asyncio.sleep(0)
    await world.add()
    world.gate.set()
    await asyncio.wait_for(stopping, 5)

    assert len(world.told) == 1
    assert [message.state for message in world.listing()] == ["queued"]


@pytest.mark.asyncio
async def test_stop_has_no_endless_patience(world: World) -> None:
    """A delivery that does not end is cut off; its message is due again, so that at worst it is sent twice."""
    world.gate = asyncio.Event()
    await world.add()
    await world.until(lambda: world.at_once == 1)
    await asyncio.wait_for(world.manager.stop(0.05), 5)

    (waiting,) = world.listing()
    assert (waiting.state, waiting.attempts, waiting.next_attempt) == ("queued", 0, NOW)
    assert world.told == []


@pytest.mark.asyncio
async def test_attempt_that_cannot_be_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be written down is not told either, and is done again: at least once, never not."""
    real = messages.record_attempt
    failures = iter([StoreError("disk on fire", phase="store")])

    def record(*arguments: Any, **options: Any) -> StoredMessage:
        for failure in failures:
            raise failure
        return real(*arguments, **options)

    sleep = asyncio.sleep
    monkeypatch.setattr(messages, "record_attempt", record)
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(seconds if seconds < 1 else 0))
    await world.add()
    await world.until(lambda: world.told)

    assert len(world.tried) == 2
    assert len(world.told) == 1
    assert world.listing() == []
    assert "it will be made again: disk on fire" in caplog.text


@pytest.mark.asyncio
async def test_clock_that_was_set_back(world: World) -> None:
    """A message put off into the far future by a wrong clock is tried now."""
    await world.add(received=NOW + 40 * 86_400)
    await world.until(lambda: world.told)

    assert isinstance(world.told[0], MessageDelivered)


@pytest.mark.asyncio
async def test_damaged_row_stops_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A row that cannot be understood is passed over, said once, and the others are delivered."""
    bad = new_message(received=NOW - 10)

    def damage(connection: Any) -> None:
        messages.insert(connection, bad)
        connection.execute("UPDATE deliveries SET recipients = '[[]]'")

    await world.write(damage)
    good = [await world.add() for _ in range(3)]
    await world.until(lambda: len(world.told) == 3)

    assert {id_ for id_, _, _ in world.tried} == {message.id for message in good}
    assert caplog.text.count(f"message {bad.id} is damaged") == 1
    assert not world.running.done()


@pytest.mark.parametrize("problem", [StoreError("disk on fire", phase="store"), RuntimeError("inner workings")])
@pytest.mark.asyncio
async def test_queue_that_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    """Whatever comes of reading the queue is logged, and the queue is read again."""
    real = messages.due
    failures = iter([problem])

    def due(*arguments: Any, **options: Any) -> list[StoredMessage]:
        for failure in failures:
            raise failure
        return real(*arguments, **options)

    await asyncio.sleep(0.02)
    monkeypatch.setattr(messages, "due", due)
    world.manager.wake()
    await world.until(lambda: str(problem) in caplog.text)
    assert not world.running.done()
    await world.add()
    await world.until(lambda: world.told)

    assert isinstance(world.told[0], MessageDelivered)
