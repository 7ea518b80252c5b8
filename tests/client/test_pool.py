"""A pool lends what is still there, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from mailward.client.pool import Pool
from mailward.client.session import Session
from mailward.net.blocking import run_blocking


def session(*, interrupted: bool = False) -> Any:
    async def looked_at() -> bool:
        return interrupted

    ended: list[bool] = []
    conversation = SimpleNamespace(interrupted=looked_at)
    return SimpleNamespace(conversation=conversation, abort=lambda: ended.append(True), ended=ended)


def test_an_empty_pool_lends_nothing() -> None:
    """One must be opened then."""
    assert run_blocking(Pool().lend()) is None


def test_the_last_one_back_is_the_first_one_out() -> None:
    """It is the freshest."""
    pool, first, second = Pool(), session(), session()
    pool.give_back(cast("Session", first))
    pool.give_back(cast("Session", second))

    assert run_blocking(pool.lend()) is second
    assert run_blocking(pool.lend()) is first
    assert run_blocking(pool.lend()) is None


def test_a_session_whose_server_left_is_dropped() -> None:
    """Until one is found that stands."""
    pool, good, gone = Pool(), session(), session(interrupted=True)
    pool.give_back(cast("Session", good))
    pool.give_back(cast("Session", gone))

    assert run_blocking(pool.lend()) is good
    assert gone.ended == [True]


def test_emptying_gives_each_once() -> None:
    """The pool forgets them."""
    pool, one = Pool(), session()
    pool.give_back(cast("Session", one))

    assert pool.empty() == [one]
    assert pool.empty() == []
