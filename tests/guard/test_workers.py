"""Several worker processes, one state file: together they give no guess more than one alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from mailward.events import Reason
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt
from mailward.secret import Secret
from tests.guard.doubles import START, World

SPAWN = multiprocessing.get_context("spawn")
WORKERS, EACH = 4, 16


def _world(path: Path) -> World:
    return World(state=GuardState.open(path, sources=4096, accounts=1024, key_source=os.urandom))


def _attempts(world: World, worker: int, address: Callable[[int], str]) -> list[Attempt]:
    return [world.attempt(address(worker * EACH + number)) for number in range(EACH)]


def _many(number: int) -> str:
    return f"198.51.{number}.7"


def _one(_number: int) -> str:
    return "192.0.2.7"


def _work(path: Path, worker: int, pipe: Connection, address: Callable[[int], str]) -> None:
    """Judge all at once; when everybody has, fail those that were let through; when everybody has, judge anew."""
    world = _world(path)
    attempts = _attempts(world, worker, address)
    pipe.send("ready")
    pipe.recv()
    through = [attempt for attempt in attempts if world.guard.judge(attempt).refused is None]
    pipe.send(len(through))
    pipe.recv()
    for number, attempt in enumerate(through):
        world.guard.failed(attempt, Secret(f"guess {worker} {number}"), Reason.BAD_PASSWORD)
    pipe.send("failed")
    pipe.recv()
    pipe.send([str(world.guard.judge(attempt).refused) for attempt in attempts])


@pytest.mark.slow
@pytest.mark.parametrize(
    "address,budget,reason", [(_many, 10, Reason.LOCKED), (_one, 5, Reason.BANNED)], ids=["account", "source"]
)
def test_64_attempts_on_four_workers_get_exactly_the_budget(
    tmp_path: Path, address: Callable[[int], str], budget: int, reason: Reason
) -> None:
    """All under way at the same time, of 64 addresses on one account, and of one address."""
    path = tmp_path / "guard.state"
    pipes = [SPAWN.Pipe() for _ in range(WORKERS)]
    workers = [SPAWN.Process(target=_work, args=(path, n, pipe[1], address)) for n, pipe in enumerate(pipes)]
    for worker in workers:
        worker.start()
    ours = [pipe[0] for pipe in pipes]
    ready, through, failed, refusals = (_round(ours) for _ in range(4))
    for worker in workers:
        worker.join()

    assert (ready, failed) == (["ready"] * WORKERS, ["failed"] * WORKERS)
    assert sum(through) == budget
    assert {refusal for each in refusals for refusal in each} == {str(reason)}


def _round(pipes: list[Connection]) -> list[Any]:
    told = [pipe.recv() for pipe in pipes]
    if not isinstance(told[0], list):  # the last round
        for pipe in pipes:
            pipe.send("go on")
    return told


def _take_and_wait(path: Path, pipe: Connection) -> None:
    world = _world(path)
    pipe.send(sum(world.guard.judge(attempt).refused is None for attempt in _attempts(world, 0, _many)))
    signal.pause()


@pytest.mark.slow
def test_a_killed_worker_gives_its_guesses_back(tmp_path: Path) -> None:
    """All ten were under way when it died: others wait a minute or two, and then have ten."""
    path = tmp_path / "guard.state"
    ours, theirs = SPAWN.Pipe()
    worker = SPAWN.Process(target=_take_and_wait, args=(path, theirs))
    worker.start()
    assert ours.recv() == 10
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()

    world = _world(path)
    assert world.guard.judge(world.attempt("203.0.113.1")).again is not None
    world.clock += 60
    assert sum(world.guesses(1, f"203.0.{number}.1") for number in range(20)) == 10


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """Failures, the ladder, which passwords were wrong and how often a source was banned: all as before."""
    world = _world(tmp_path / "guard.state")
    world.guess("one")
    world.guess("two")
    world.guesses(5, "203.0.113.1", "bob@example.test")
    world.state.close()

    again = _world(tmp_path / "guard.state")
    repeated = again.guess("one")
    assert not isinstance(repeated, Reason)
    assert repeated.repeated
    assert again.guesses(9) == 3
    assert again.guesses(9, "203.0.113.1", "carl@example.test") == 0
    again.clock = START + 1800
    again.guesses(9, "203.0.113.1", "carl@example.test")
    assert again.bans.times["ip:203.0.113.1"] == 2


def test_what_one_worker_hears_the_other_knows(tmp_path: Path) -> None:
    """The same wrong password again, on whichever worker it arrives; and a login forgives on both."""
    one, other = _world(tmp_path / "guard.state"), _world(tmp_path / "guard.state")
    one.guess("old")
    end = other.guess("old")
    assert not isinstance(end, Reason)
    assert end.repeated
    assert one.guesses(3) == 3
    assert other.login("192.0.2.7")
    assert one.guesses(9) == 5
