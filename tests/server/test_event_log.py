"""An event goes to the file at once and to the database with what it tells; neither fault stops the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from mailward.events import BanRemoved, decode, encode
from mailward.server.event_log import EventLog
from mailward.store import events
from mailward.store.database import Database
from mailward.store.event_file import EventFile
from mailward.store.writer import Writer

EVENT = BanRemoved(time=datetime(2026, 1, 1, tzinfo=UTC), subject="ip:192.0.2.7", reason="expired")


class World:
    def __init__(self, directory: Path) -> None:
        directory.chmod(0o700)
        loop = asyncio.get_running_loop()
        self.database = Database.open(directory / "mailward.db")
        self.writer = Writer(self.database, deliver=loop.call_soon_threadsafe)
        self.path = directory / "events.jsonl"
        self.file = EventFile(self.path)
        self.log = EventLog(self.writer, self.file, loop)

    async def written(self) -> None:
        """Until what was submitted is on disk and told."""
        done = asyncio.get_running_loop().create_future()
        self.writer.submit(lambda _connection: None, lambda *_: done.set_result(None))
        await asyncio.wait_for(done, 5)

    def rows(self) -> list[bytes]:
        return [line for _, line in events.select(self.database.reader())]


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await asyncio.to_thread(world.writer.close)
    world.file.close()
    world.database.close()


@pytest.mark.asyncio
async def test_recorded_in_both(world: World) -> None:
    """`record` puts the same line into the file and into the database, once."""
    world.log.record(EVENT)
    await world.written()

    assert world.path.read_bytes() == encode(EVENT) + b"\n"
    assert world.rows() == [encode(EVENT)]
    assert decode(world.rows()[0]) == EVENT


@pytest.mark.asyncio
async def test_told_in_the_file(world: World) -> None:
    """`tell` is for an event whose row is part of another operation: the file only."""
    world.log.tell(EVENT)
    await world.written()

    assert world.path.read_bytes() == encode(EVENT) + b"\n"
    assert world.rows() == []


@pytest.mark.asyncio
async def test_one_write_for_a_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events of one turn of the loop are one write, in their order; the next turn's are another."""
    writes: list[list[bytes]] = []
    monkeypatch.setattr(EventFile, "write", lambda _self, lines: writes.append(list(lines)))
    for _ in range(3):
        world.log.tell(EVENT)
    await asyncio.sleep(0)
    world.log.tell(EVENT)
    await asyncio.sleep(0)

    assert [len(lines) for lines in writes] == [3, 1]


@pytest.mark.asyncio
async def test_file_that_cannot_be_written(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the file is logged and stops nobody; the database has the event, the file the next one."""
    world.path.rename(tmp_path / "old")
    world.path.mkdir()
    world.log.record(EVENT)
    await world.written()
    world.path.rmdir()
    world.log.tell(EVENT)
    await asyncio.sleep(0)

    assert world.rows() == [encode(EVENT)]
    assert "1 events are not in the file" in caplog.text
    assert world.path.read_bytes() == encode(EVENT) + b"\n"


@pytest.mark.asyncio
async def test_database_that_cannot_be_written(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the database is logged; the file has the event."""
    await asyncio.to_thread(world.writer.close)
    world.log.record(EVENT)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert "an event is not in the database" in caplog.text
    assert world.path.read_bytes() == encode(EVENT) + b"\n"
