"""The one file that all workers share and that outlives them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.events import Reason
from mailward.guard.state import GuardState
from mailward.guard.verdict import Failure
from tests.guard.doubles import START, World, keys

FORK = multiprocessing.get_context("fork")
SPAWN = multiprocessing.get_context("spawn")


def _open(path: Path, *, sources: int = 100, accounts: int = 50) -> GuardState:
    return GuardState.open(path, sources=sources, accounts=accounts, key_source=os.urandom)


def _fail(state: GuardState, subject: str, times: int = 1) -> None:
    for _ in range(times):
        with state.alone():
            score = state.scores.of(subject)
            score.add(START, 3600.0)
            state.scores.keep(subject, score, START)


def _failures(state: GuardState, subject: str) -> int:
    with state.alone():
        return state.scores.of(subject).count(START, 3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "guard.state"


def test_it_outlives_its_workers(path: Path) -> None:
    """Opened again it knows everything; nobody else may read it, and no draft is left beside it."""
    state = _open(path)
    _fail(state, "a", 3)
    state.close()

    again = _open(path)
    assert (_failures(again, "a"), _failures(again, "b")) == (3, 0)
    assert (state.replaced, again.replaced) == (None, None)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    again.close()


def test_it_never_grows(path: Path) -> None:
    """All the room it will ever have is taken at once, so that a full disk cannot surprise a write."""
    state = _open(path)
    size, taken = path.stat().st_size, path.stat().st_blocks * 512
    for number in range(2000):
        _fail(state, f"ip:{number}")

    assert path.stat().st_size == size <= taken
    assert len(state.scores) <= 104
    state.close()


def _cut(path: Path) -> None:
    os.truncate(path, 5000)


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _overwritten(path: Path) -> None:
    path.write_bytes(b"not ours at all" + path.read_bytes()[15:])


def _key_changed(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[30] ^= 1
    path.write_bytes(octets)


def _of_another_version(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[8] += 1
    path.write_bytes(octets)


@pytest.mark.parametrize(
    "spoil,told",
    [
        (_cut, "damaged"),
        (_emptied, "damaged"),
        (_overwritten, "damaged"),
        (_key_changed, "damaged"),
        (_of_another_version, "another version"),
    ],
)
def test_a_file_that_is_no_good_is_replaced(path: Path, spoil: Callable[[Path], None], told: str) -> None:
    """By a fresh one, once, and that is told."""
    state = _open(path)
    _fail(state, "a")
    state.close()
    spoil(path)

    fresh = _open(path)
    assert told in (fresh.replaced or "")
    assert _failures(fresh, "a") == 0
    _fail(fresh, "a")
    fresh.close()
    again = _open(path)
    assert (again.replaced, _failures(again, "a")) == (None, 1)
    again.close()


def test_a_file_of_another_size_is_replaced(path: Path) -> None:
    """When the settings ask for more room; who has the old one open still can work."""
    old = _open(path)
    _fail(old, "a")
    new = _open(path, sources=5000)

    assert "other numbers" in (new.replaced or "")
    assert (_failures(old, "a"), _failures(new, "a")) == (1, 0)
    old.close()
    new.close()


def test_rubbish_in_the_tables_stops_nothing(path: Path) -> None:
    """Whatever octets lie behind the head: every figure is checked where it is read."""
    state = _open(path)
    state.close()
    head = path.read_bytes()[:112]
    path.write_bytes(head + os.urandom(path.stat().st_size - 112))

    state = _open(path)
    assert state.replaced is None
    with state.alone():
        state.spraying.load()
        assert state.spraying.guessed(5, START) >= 0
        for number in range(200):
            score = state.scores.of(f"{number}")
            score.strike(START, 3600.0)
            state.scores.keep(f"{number}", score, START)
            state.ledgers.of(f"{number}", now=START, window=60.0)
    state.close()


def test_what_is_not_ours_is_not_followed(path: Path) -> None:
    """A symbolic link, a folder: an error that says what to do."""
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(StoreError, match="cannot be used"):
        _open(path)

    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be used"):
        _open(path)


def test_in_memory_it_is_the_same() -> None:
    """Without a file; with the same key the same state."""
    states = [GuardState.in_memory(sources=100, accounts=50, key_source=keys()) for _ in range(2)]
    _fail(states[0], "a", 2)

    assert [_failures(state, "a") for state in states] == [2, 0]
    assert states[0].hash("x") == states[1].hash("x") < 1 << 64


def _work(path: Path) -> None:
    state = _open(path)
    _fail(state, "together", 25)
    state.close()


@pytest.mark.slow
def test_workers_that_start_at_once_share_one_file(path: Path) -> None:
    """Eight processes make it at the same time, and no failure of any is lost."""
    workers = [SPAWN.Process(target=_work, args=(path,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    state = _open(path)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert _failures(state, "together") == 200
    assert list(path.parent.iterdir()) == [path]
    state.close()


def _work_for_ever(path: Path) -> None:
    state = _open(path)
    while True:
        _fail(state, "a", 1)


def test_a_worker_that_is_killed_stops_nobody(path: Path) -> None:
    """Killed in the middle of whatever it does, it lets go of the lock and leaves a state that can be used."""
    for _ in range(10):
        worker = FORK.Process(target=_work_for_ever, args=(path,))
        worker.start()
        worker.join(0.05)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()

    state = _open(path)
    before = _failures(state, "b")
    _fail(state, "b")
    assert _failures(state, "b") == before + 1
    assert state.replaced is None
    state.close()


def test_a_copy_is_only_looked_at(path: Path) -> None:
    """It has every figure, of a file of whatever size; what is done to it reaches the file never."""
    state = _open(path)
    _fail(state, "a", 3)
    before = path.read_bytes()

    copy = GuardState.copy(path, key_source=keys())
    assert _failures(copy, "a") == 3
    assert copy.hash("a") == state.hash("a")
    _fail(copy, "a")
    copy.close()

    assert path.read_bytes() == before
    assert _failures(state, "a") == 3
    state.close()


@pytest.mark.parametrize("spoil", [_cut, _emptied, _overwritten, _key_changed, _of_another_version, Path.unlink])
def test_no_copy_of_what_is_no_good(path: Path, spoil: Callable[[Path], None]) -> None:
    """It is an error, and neither mended nor made: that is for a server to do."""
    _open(path).close()
    spoil(path)
    before = path.read_bytes() if path.exists() else None

    with pytest.raises(StoreError, match=path.name):
        GuardState.copy(path, key_source=keys())

    assert (path.read_bytes() if path.exists() else None) == before
    assert [each.name for each in path.parent.iterdir()] == ([path.name] if before is not None else [])


def test_what_a_killed_server_held_is_free_at_its_next_start(tmp_path: Path) -> None:
    """Five guesses that nobody will end, and ten on an account: after `release_all` all are to be had again, and what
    was counted before stays counted."""
    path = tmp_path / "guard.state"
    killed = World(state=GuardState.open(path, sources=4096, accounts=1024, key_source=keys()))
    assert killed.guesses(2) == 2
    for number in range(8):
        assert killed.guard.judge(killed.attempt(f"198.51.{number}.1")).refused is None
    assert killed.guard.judge(killed.attempt("203.0.113.1")).refused is Reason.BUSY

    again = World(state=GuardState.open(path, sources=4096, accounts=1024, key_source=keys()))
    again.state.release_all()

    for number in range(8):
        assert isinstance(again.guess(f"another {number}", f"203.0.{number}.1"), Failure)
    assert again.guess("one more", "192.0.2.200") is Reason.LOCKED
