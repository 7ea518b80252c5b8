"""The published scenarios, held to what is published about them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from benchmarks.attacks.defences import Fail2ban, Lock, Mailward, Unguarded
from benchmarks.attacks.refusals import measure
from benchmarks.attacks.simulate import Figures, play
from benchmarks.attacks.stories import STORIES, brute_force, office
from benchmarks.attacks.story import Story
from benchmarks.attacks.table import markdown

BUDGET = 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("make", STORIES, ids=lambda make: make.__name__)
def test_ten_guesses_and_nobody_shut_out(make: Callable[[random.Random], Story], seed: int) -> None:
    """In every scenario at most 10 guesses a day and account are looked at, and no honest login is refused."""
    figures = play(make(random.Random(seed)), Mailward, measured=False)

    assert figures.worst <= BUDGET
    assert figures.refused == 0
    assert figures.honest > 0
    assert not figures.tries or figures.detected is not None


def test_what_others_do_is_told_as_it_is() -> None:
    """Against the same morning: without a guard every guess is heard, fail2ban's ban is over before the next five
    guesses, a lock shuts the owner out, and an office with an old telephone is banned by fail2ban alone."""
    attack = {make: play(brute_force(random.Random(1)), make, measured=False) for make in (Unguarded, Fail2ban, Lock)}
    honest = {make: play(office(random.Random(1)), make, measured=False) for make in (Unguarded, Fail2ban, Lock)}

    assert attack[Unguarded].guesses == attack[Unguarded].tries
    assert BUDGET < attack[Fail2ban].guesses < attack[Unguarded].guesses
    assert attack[Lock].refused > 0
    assert honest[Fail2ban].refused > 0
    assert honest[Unguarded].refused == honest[Lock].refused == 0


def test_a_seed_is_a_day() -> None:
    """The same seed tells the same story, another one another."""
    assert office(random.Random(1)) == office(random.Random(1))
    assert office(random.Random(1)) != office(random.Random(2))


def test_table() -> None:
    """A line for each figure, in the words of the documentation."""
    figures = Figures(
        story="brute force",
        told="1 address",
        defence="Mailward",
        tries=10_000,
        guesses=10,
        worst=10,
        honest=900,
        refused=0,
        detected=42.0,
        memory=3 << 20,
        seconds=1.0,
    )

    assert "| **brute force**: 1 address | Mailward | 10 of 10,000 | 10 | 0 of 900 | 42 s | 3.0 MiB |" in markdown(
        [figures]
    )


def test_refusals_are_refusals() -> None:
    """Both cases are measured against a real database; each call was refused, or the measurement would have failed."""
    banned, closed = measure(rounds=1, calls=50)

    assert banned.case == "banned source"
    assert closed.case == "account closed to strangers"
    assert banned.least <= banned.per_second <= banned.most
