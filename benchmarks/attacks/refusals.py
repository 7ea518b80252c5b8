"""How many logins a second of processor time the guard refuses before any password is looked at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory

from mailward.events import Reason
from mailward.guard.allowlist import Networks
from mailward.guard.guard import Guard
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt
from mailward.secret import Secret
from mailward.store.bans import Bans, KnownSources, LookUp
from mailward.store.database import Database
from mailward.store.writer import Writer

ROUNDS, CALLS = 7, 20_000


@dataclass(frozen=True, slots=True)
class Refusals:
    """per_second: the median over the rounds, and the least and the most. Of processor time, one core."""

    case: str
    per_second: float
    least: float
    most: float


class _Everyone:
    def __init__(self) -> None:
        self._networks = Networks.parse(["0.0.0.0/0", "::/0"])

    def allows(self, source: Source, listener: str) -> bool:  # noqa: ARG002
        return source in self._networks


def measure(*, rounds: int = ROUNDS, calls: int = CALLS) -> list[Refusals]:
    """With the database and the state file on a disk, as a server has them."""
    with TemporaryDirectory(prefix="mailward-bench-") as folder, _guard(Path(folder)) as guard:
        _spend(guard)
        return [
            _case("banned source", guard, _banned, rounds, calls),
            _case("account closed to strangers", guard, _stranger, rounds, calls),
        ]


def _banned(number: int) -> Attempt:
    return _attempt(_source(0), "user0@example.test", number)


def _stranger(number: int) -> Attempt:
    return _attempt(_source(1 + number), "victim@example.test", number)


def _source(number: int) -> IPv4Address:
    """Each in a network of its own."""
    return IPv4Address("45.0.0.0") + (number % 4096) * 4096


def _case(name: str, guard: Guard, attempt: Callable[[int], Attempt], rounds: int, calls: int) -> Refusals:
    rates = []
    for _ in range(rounds):
        attempts = [attempt(at) for at in range(calls)]
        began = time.process_time()
        for each in attempts:
            assert guard.judge(each).refused is not None
        rates.append(calls / (time.process_time() - began))
    rates.sort()
    return Refusals(name, rates[len(rates) // 2], rates[0], rates[-1])


def _attempt(source: IPv4Address, account: str, number: int) -> Attempt:
    return Attempt(source, account, "PLAIN", "127.0.0.1:465", f"{number:012x}")


def _spend(guard: Guard) -> None:
    """Five wrong passwords ban a source; ten, each from another source, close an account to strangers."""
    for number in range(15):
        account = "user0@example.test" if number < 5 else "victim@example.test"
        attempt = _attempt(_source(0 if number < 5 else 5000 + number), account, number)
        assert guard.judge(attempt).refused is None
        guard.failed(attempt, Secret(f"guess {number}"), Reason.BAD_PASSWORD)


@contextmanager
def _guard(folder: Path) -> Iterator[Guard]:
    database = Database.open(folder / "mailward.db")
    writer = Writer(database, deliver=lambda call: call())
    settings, chance = GuardSettings(), random.Random(1)
    state = GuardState.open(
        folder / "guard.state",
        sources=settings.tracked_sources,
        accounts=settings.tracked_accounts,
        key_source=chance.randbytes,
    )
    bans, known = Bans(database.reader(), writer.submit), KnownSources(database.reader(), writer.submit)
    try:
        yield Guard(
            settings,
            _Everyone(),
            state=state,
            bans=bans,
            known=known,
            now=time.time,
            look_up=LookUp(database.reader(), bans, known),
        )
    finally:
        state.close()
        writer.close()
        database.close()
