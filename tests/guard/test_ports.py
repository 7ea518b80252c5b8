"""The books of the guard: in memory and in SQLite they tell the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib.resources import files
from typing import TypeVar

import pytest

from mailward.errors import StoreError
from mailward.guard.ports import GUARD, BanBook
from mailward.guard.ports import KnownSources as KnownSourcesPort
from mailward.store.bans import Bans, KnownSources
from tests.guard.doubles import MemoryBans, MemoryKnown

T = TypeVar("T")


def _books() -> list[tuple[BanBook, KnownSourcesPort]]:
    connection = sqlite3.connect(":memory:")
    for name in ("004_bans.sql", "005_guard.sql"):
        connection.executescript(files("mailward.store").joinpath("migrations", name).read_text())

    def submit(
        operation: Callable[[sqlite3.Connection], T], done: Callable[[T | None, StoreError | None], None]
    ) -> None:
        done(operation(connection), None)

    return [(MemoryBans(), MemoryKnown()), (Bans(connection, submit), KnownSources(connection, submit))]


@pytest.mark.parametrize("which", [0, 1])
def test_bans(which: int) -> None:
    """A ban has an end, is found until it is swept, and is told when it is."""
    bans, _ = _books()[which]
    told: list[str] = []

    bans.add("ip:192.0.2.7", reason="r", added=1.0, until=5.0, times=1)
    bans.add("ip:192.0.2.8", reason="r", added=1.0, until=6.0, times=2)

    asked = ("ip:192.0.2.7", "ip:192.0.2.8")
    assert dict(bans.found(asked)) == {"ip:192.0.2.7": (5.0, GUARD, False), "ip:192.0.2.8": (6.0, GUARD, False)}
    assert dict(bans.found(("ip:192.0.2.9",))) == {}
    bans.expire(5.0, told.append)
    assert told == ["ip:192.0.2.7"]
    assert dict(bans.found(asked)) == {"ip:192.0.2.8": (6.0, GUARD, False)}


@pytest.mark.parametrize("which", [0, 1])
def test_known_sources(which: int) -> None:
    """A pair is known since its last login, until it is forgotten or old."""
    _, known = _books()[which]

    known.saw("a", "ip:192.0.2.7", now=10.0)
    known.saw("b", "ip:192.0.2.7", now=20.0)
    assert [known.knows("a", "ip:192.0.2.7", since=since) for since in (9.0, 10.0, 11.0)] == [True, True, False]

    assert [known.known_accounts("ip:192.0.2.7", since=since) for since in (10.0, 11.0, 21.0)] == [2, 1, 0]

    known.forget("a", "ip:192.0.2.7")
    assert not known.knows("a", "ip:192.0.2.7", since=0.0)
    known.expire(before=20.0)
    assert known.knows("b", "ip:192.0.2.7", since=0.0)
    known.expire(before=20.1)
    assert not known.knows("b", "ip:192.0.2.7", since=0.0)
