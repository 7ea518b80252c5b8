"""One password on several accounts, or many accounts within an hour."""

from __future__ import annotations

import random
from mmap import mmap

import pytest

from mailward.guard.spraying import CELLS, QUARTER, SIZE, Spraying

NOW = 1_800_000_000.0


def _spraying() -> Spraying:
    return Spraying(mmap(-1, SIZE + 64), 64)


def test_a_password_is_sprayed_from_the_fifth_account_on() -> None:
    """Across the change of the day's key as well; another password is not."""
    spraying = _spraying()
    for day in (0, 0, 1, 1):
        spraying.heard(700 + day, day)
    assert not spraying.sprayed((700, 701), 5)
    spraying.heard(701, 1)

    assert spraying.sprayed((700, 701), 5)
    assert not spraying.sprayed((701, 700), 5)


def test_a_flood_of_different_passwords_sprays_none() -> None:
    """A million wrong passwords fill every cell by chance; none stands out, and one that is really sprayed does."""
    spraying = _spraying()
    chance = random.Random(1)
    for _ in range(300_000):
        spraying.heard(chance.randrange(CELLS), 0)
    assert sum(spraying.sprayed((tag, CELLS - 1 - tag), 5) for tag in range(0, CELLS, 16)) == 0

    for _ in range(100):
        spraying.heard(4711, 0)
    assert spraying.sprayed((4711, 0), 5)


def test_a_new_key_forgets_its_day() -> None:
    """What was counted under the key that is gone means nothing any more."""
    spraying = _spraying()
    for day in (0, 1):
        for _ in range(5):
            spraying.heard(9, day)
    spraying.new_day(0)

    assert not spraying.sprayed((9, 8), 5)
    assert spraying.sprayed((8, 9), 5)
    assert spraying.totals == [0, 5]


def test_an_hour_of_accounts() -> None:
    """Accounts are counted over three to four quarters of an hour, and then forgotten."""
    spraying, chance = _spraying(), random.Random(2)
    last = 0.0
    for number in range(100):
        last = spraying.guessed(chance.getrandbits(64), NOW + number)
    assert last == pytest.approx(100, rel=0.2)
    assert spraying.guessed(0, NOW + 2 * QUARTER) == pytest.approx(100, rel=0.2)
    assert spraying.guessed(0, NOW + 5 * QUARTER) < 4


def test_the_mode_begins_once_and_ends_once() -> None:
    """Each change is told to whoever made it; it lasts from the last time it was begun."""
    spraying = _spraying()

    assert [spraying.begin(NOW, 100.0), spraying.begin(NOW + 50, 100.0)] == [True, False]
    assert [spraying.active(NOW + 149), spraying.active(NOW + 150)] == [True, False]
    assert [spraying.end(NOW + 149), spraying.end(NOW + 150), spraying.end(NOW + 151)] == [False, True, False]
    assert spraying.begin(NOW + 200, 100.0)


def test_a_clock_that_is_put_back_stops_nothing() -> None:
    """The sketches go on, however far the clock jumps."""
    spraying, chance = _spraying(), random.Random(3)
    last = 0.0
    for now in (NOW, NOW - 86_400, NOW + 86_400, NOW):
        for _ in range(20):
            last = spraying.guessed(chance.getrandbits(64), now)
        assert last > 10


def test_a_clock_that_was_ahead_does_not_keep_the_mode_from_beginning() -> None:
    """It began in a time to come: while that has not come it is off, and it can begin anew."""
    spraying = _spraying()
    spraying.begin(NOW + 10_000, 100.0)
    assert not spraying.active(NOW)

    assert spraying.begin(NOW, 100.0)
    assert spraying.active(NOW)
