"""The two queues before the password hasher."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from functools import partial

import pytest

from mailward.accounts.turns import Turns
from mailward.errors import AuthUnavailable, StoreError


class Desk:
    """One worker that is held up until it is let go; who is served is written down."""

    def __init__(self, *, waiting: int) -> None:
        self.turns = Turns(workers=1, waiting=waiting)
        self.served: list[str] = []
        self._entered = threading.Event()
        self._let_go = threading.Event()
        self._first = self.turns.submit(self._hold, known=False)
        assert self._entered.wait(5)

    def come(self, name: str, *, known: bool) -> Future[bool]:
        return self.turns.submit(partial(self._serve, name), known=known)

    def let_go(self) -> None:
        self._let_go.set()

    def _hold(self) -> bool:
        self._entered.set()
        return self._let_go.wait(5)

    def _serve(self, name: str) -> bool:
        self.served.append(name)
        return True


def test_a_known_source_is_next() -> None:
    """Whoever else waits, one that has logged in before waits for nothing but what is being hashed."""
    desk = Desk(waiting=200)
    crowd = [desk.come("unknown", known=False) for _ in range(200)]
    ann = desk.come("ann", known=True)
    desk.let_go()

    assert all(answer.result(5) for answer in (ann, *crowd))
    assert desk.served == ["ann", *["unknown"] * 200]
    desk.turns.close()


def test_a_full_queue_of_newcomers_keeps_no_known_one_out() -> None:
    """Each kind has its own room, and each has an end."""
    desk = Desk(waiting=2)
    for known in (False, True):
        answers = [desk.come("x", known=known) for _ in range(2)]
        with pytest.raises(AuthUnavailable, match="too many logins at once"):
            desk.come("one too many", known=known)
        assert not any(answer.done() for answer in answers)
    desk.let_go()
    desk.turns.close()


def test_newcomers_are_not_shut_out() -> None:
    """While known ones keep coming, every eighth turn is a newcomer's."""
    desk = Desk(waiting=20)
    crowd = [desk.come("known", known=True) for _ in range(20)]
    bob = desk.come("bob", known=False)
    desk.let_go()

    assert all(answer.result(5) for answer in (bob, *crowd))
    assert desk.served.index("bob") == 7
    desk.turns.close()


def test_who_leaves_makes_room() -> None:
    """A cancelled turn is out of the queue at once and never served."""
    desk = Desk(waiting=1)
    for _ in range(50):
        assert desk.come("gone", known=False).cancel()
    last = desk.come("stays", known=False)
    desk.let_go()

    assert last.result(5)
    assert desk.served == ["stays"]
    desk.turns.close()


def test_closing() -> None:
    """What waits is cancelled, what runs is finished, what comes is refused."""
    desk = Desk(waiting=2)
    waiting = desk.come("x", known=False)
    closing = threading.Thread(target=desk.turns.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.result(5)
    desk.let_go()
    closing.join(5)

    assert desk._first.result(0) is True
    assert desk.served == []
    with pytest.raises(AuthUnavailable):
        desk.come("late", known=True)


def test_a_fault_is_the_callers_and_frees_the_worker() -> None:
    """An exception of one call goes to who asked; the next call is served."""
    turns = Turns(workers=1, waiting=1)

    def fail() -> bool:
        raise StoreError("damaged")

    with pytest.raises(StoreError, match="damaged"):
        turns.submit(fail, known=False).result(5)
    assert turns.submit(lambda: True, known=False).result(5)
    turns.close()


def test_quick_calls_from_many_threads() -> None:
    """Workers that are done before their result is looked at, and many who ask at once: each gets its answer."""
    turns = Turns(workers=4, waiting=1000)
    answers: list[Future[bool]] = []

    def ask() -> None:
        answers.extend(turns.submit(lambda: True, known=number % 2 == 0) for number in range(200))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answer.result(5) for answer in answers) == 800
    turns.close()
