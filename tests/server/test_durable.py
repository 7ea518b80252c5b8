"""What a server keeps on disk, opened and closed together."""

from __future__ import annotations

import asyncio
import gc
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.events import BanRemoved
from mailward.server import config
from mailward.server.durable import Store


def settings(folder: Path) -> config.Config:
    return config.defaults(folder / "state")


def event() -> BanRemoved:
    return BanRemoved(time=datetime.now(UTC), subject="ip:192.0.2.1", reason="expired")


@pytest.mark.asyncio
async def test_what_was_recorded_is_there(tmp_path: Path) -> None:
    """After `finish` and `close` an event is in the database and in the file, and all of it is ours alone."""
    loaded = settings(tmp_path)
    store = Store(loaded, asyncio.get_running_loop())
    store.log.record(event())
    await store.finish()
    count = store.reader.execute("SELECT count(*) FROM events").fetchone()
    store.close()

    assert count == (1,)
    assert b"ip:192.0.2.1" in loaded.events_path.read_bytes()
    modes = {path.name: path.stat().st_mode & 0o077 for path in loaded.state_path.iterdir() if path.is_file()}
    assert set(modes.values()) == {0}


@pytest.mark.asyncio
async def test_the_readers_are_of_their_threads(tmp_path: Path) -> None:
    """`reader` is the loop's; another thread has one of its own, and both only read."""
    store = Store(settings(tmp_path), asyncio.get_running_loop())
    other = await asyncio.to_thread(store.database.reader)

    assert store.database.reader() is store.reader
    assert other is not store.reader
    assert [each.execute("PRAGMA query_only").fetchone() for each in (store.reader, other)] == [(1,), (1,)]
    await store.finish()
    store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["events.jsonl", "spool", "mailward.db"])
async def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path, name: str) -> None:
    """A part that is none of ours is a StoreError, and no file stays open."""
    loaded = settings(tmp_path)
    loaded.state_path.mkdir(mode=0o700)
    spoiled = loaded.state_path / name
    if name == "spool":
        spoiled.write_text("no directory")
    else:
        spoiled.mkdir()
    before = open_files(loaded.state_path)

    with pytest.raises(StoreError):
        Store(loaded, asyncio.get_running_loop())

    gc.collect()
    assert open_files(loaded.state_path) == before


def open_files(folder: Path) -> set[str]:
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.add(target)
    return found
