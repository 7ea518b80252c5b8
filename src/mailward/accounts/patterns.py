"""What makes a password easy to guess without any dictionary: few characters, repetition, sequences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

_MIN_DISTINCT = 5
_SEQUENCE = 4


def patterns(text: str) -> Iterator[str]:
    """The reasons, in plain words. The time grows with the square of the length: give at most some hundreds."""
    folded = text.casefold()
    if 0 < len(set(folded)) < min(_MIN_DISTINCT, len(folded)):
        yield f"it is made of {len(set(folded))} different characters only; use at least {_MIN_DISTINCT}"
    elif any(0 < 2 * _period(part) <= len(part) for part in (folded, "".join(filter(str.isalnum, folded)))):
        yield "it is one piece repeated; repeating makes nothing stronger"
    if (count := _in_sequences(folded)) and 2 * count > len(folded):
        yield "most of it is a sequence such as abcd, 4321 or aaaa"


def classes(text: str) -> int:
    """How many of these it has: small letters, capitals (or letters without case), digits, anything else."""
    kinds = {
        "small" if each.islower() else "digit" if each.isdigit() else "capital" if each.isalpha() else "other"
        for each in text
    }
    return len(kinds)


def _period(text: str) -> int:
    """The length of the piece whose repetition (the last one perhaps cut short) is the whole text."""
    return next((size for size in range(1, len(text)) if text[size:] == text[:-size]), len(text))


def _in_sequences(text: str) -> int:
    """How many characters belong to runs of at least `_SEQUENCE` that go up by one, down by one or not at all."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    count = run = 0
    for position, step in enumerate(steps):
        run = run + 1 if position and step == steps[position - 1] else 1
        if abs(step) <= 1 and run >= _SEQUENCE - 1:
            count += _SEQUENCE if run == _SEQUENCE - 1 else 1
    return count
