"""How long a client may still take, by a clock of the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from mailward.server.config import LimitsConfig
from mailward.server.pace import Pace
from mailward.server.session import Session


@dataclass
class Client:
    """What the pace asks of a session."""

    patience: float | None = None
    trusted: bool = False


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


LIMITS = LimitsConfig(idle=300.0, idle_before_login=60.0)


def left(pace: Pace, client: Client) -> float:
    return pace.left(cast("Session", client))


def test_silence() -> None:
    """A stranger has less time than who may send, and a login under way its own; each word begins it anew."""
    clock = Clock()
    pace = Pace(clock, LIMITS)
    clock.now += 20

    assert left(pace, Client()) == 40
    assert left(pace, Client(trusted=True)) == 280
    assert left(pace, Client(patience=10.0, trusted=True)) == -10
    pace.moved()
    assert left(pace, Client()) == 60


def test_a_stranger_is_not_heard_for_ever() -> None:
    """Words alone do not keep a session that never logs in."""
    clock = Clock()
    pace = Pace(clock, LIMITS)
    for _ in range(29):
        clock.now += 10
        pace.moved()

    assert left(pace, Client()) == 10
    assert left(pace, Client(trusted=True)) == 300


@pytest.mark.parametrize("rate,there_is_time", [(499, False), (500, True)])
def test_slow_content(rate: int, there_is_time: bool) -> None:
    """After a grace content must come at a rate; what came before it was asked for is not counted."""
    clock = Clock()
    pace = Pace(clock, LIMITS)
    pace.answered(content_follows=True)
    clock.now += 10
    assert left(pace, Client(trusted=True)) == 20
    clock.now += 30
    pace.content(rate * 40)

    assert (left(pace, Client(trusted=True)) > 0) is there_is_time
    pace.answered(content_follows=False)
    assert left(pace, Client(trusted=True)) == 260


def test_a_chunk_begins_the_measuring() -> None:
    """The content of BDAT follows no reply: its first piece is the beginning."""
    clock = Clock()
    pace = Pace(clock, LIMITS)
    pace.moved()
    pace.content(10)
    clock.now += 31

    assert left(pace, Client(trusted=True)) == 0
