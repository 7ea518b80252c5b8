"""How many different things were seen."""

from __future__ import annotations

import random
from mmap import mmap

import pytest

from mailward.guard.hyperloglog import SIZE, Sketch


@pytest.mark.parametrize("number", [0, 1, 5, 50, 100, 500, 5_000, 100_000])
def test_it_is_near_enough(number: int) -> None:
    """Within a fifth, at any size, and exact for nothing at all."""
    chance = random.Random(number)
    sketch = Sketch(mmap(-1, SIZE + 64), 64)
    for turn in range(number):
        sketch.add(chance.getrandbits(64), turn % 4)

    assert sketch.estimate() == pytest.approx(number, rel=0.2, abs=0.5)


def test_the_same_again_is_nothing_new() -> None:
    """In whichever of the four sketches."""
    chance = random.Random(1)
    numbers = [chance.getrandbits(64) for _ in range(50)]
    sketch = Sketch(mmap(-1, SIZE), 0)
    for turn in range(4):
        for number in numbers * 10:
            sketch.add(number, turn)

    assert sketch.estimate() == pytest.approx(50, rel=0.2)


def test_a_turn_that_begins_forgets_itself_only() -> None:
    """What was seen in another stays."""
    sketch = Sketch(mmap(-1, SIZE), 0)
    for turn in range(4):
        for number in range(20):
            sketch.add(random.Random(turn * 100 + number).getrandbits(64), turn)
    sketch.begin(2)

    assert sketch.estimate() == pytest.approx(60, rel=0.2)


def test_a_damaged_sketch_still_estimates() -> None:
    """Any octets are some number."""
    buffer = mmap(-1, SIZE)
    buffer[:] = bytes([255]) * SIZE

    assert Sketch(buffer, 0).estimate() > 0
