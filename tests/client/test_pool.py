"""A pool lends what is still there, and nothing else."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

from mailward.client.pool import Pool
from mailward.client.session import Session
from mailward.net.blocking import run_blocking


def session(*, interrupted: bool = False, since: float = 0.0) -> Any:
    async def looked_at() -> bool:
        return interrupted

    ended: list[bool] = []

    async def end() -> None:
        said_goodbye.append(True)

    said_goodbye: list[bool] = []
    conversation = SimpleNamespace(interrupted=looked_at)
    return SimpleNamespace(
        conversation=conversation,
        idle_since=since,
        abort=lambda: ended.append(True),
        ended=ended,
        end=end,
        said_goodbye=said_goodbye,
    )


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


def test_a_session_that_was_idle_too_long_is_ended() -> None:
    """With a goodbye; the next one that was used since then is lent."""
    pool, old, new = Pool(), session(since=10.0), session(since=20.0)
    pool.give_back(cast("Session", new))
    pool.give_back(cast("Session", old))

    assert run_blocking(pool.lend(15.0)) is new
    assert (old.said_goodbye, old.ended) == ([True], [])


def test_a_forked_child_says_nothing_in_the_sessions_of_its_parent() -> None:
    """It closes its copies of the sockets, without QUIT, and opens its own."""
    pool, inherited = Pool(), session()
    pool.give_back(cast("Session", inherited))

    child = os.fork()
    if child == 0:
        lent = run_blocking(pool.lend())
        os._exit(0 if (lent, inherited.ended, inherited.said_goodbye) == (None, [True], []) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert run_blocking(pool.lend()) is inherited
