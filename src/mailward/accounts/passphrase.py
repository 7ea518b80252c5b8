"""Passwords made by chance: words for people, characters for programs, with the entropy each has."""

from __future__ import annotations

import math
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mailward.errors import InputError

LEAST_WORDS, MOST_WORDS = 4, 20
LEAST_CHARACTERS, MOST_CHARACTERS = 15, 128
SEPARATOR = "-"
SIGNS = "".join(each for each in string.ascii_letters + string.digits if each not in "0O1lI") + "-_.+=!%"
_WORDS_FILE = Path(__file__).parent / "data" / "words.txt"  # data/NOTICE says whose they are
_MOST_TRIES = 1000

Choose = Callable[[Sequence[str]], str]
"""One of them, each as likely as the others: `secrets.choice`."""


@dataclass(frozen=True, repr=False)
class Generated:
    """entropy: in bits; what a guesser who knows how it was made has to try is 2 to the power of it."""

    password: str
    entropy: float

    def __repr__(self) -> str:
        return f"Generated(entropy={self.entropy})"


@cache
def passphrase_words() -> tuple[str, ...]:
    """Some 7,700 words, all in small letters."""
    return tuple(_WORDS_FILE.read_text("ascii").split())


def passphrase(
    words: int = 6,
    *,
    good: Callable[[str], bool] = lambda _: True,
    dressed: bool = False,
    choose: Choose = secrets.choice,
) -> Generated:
    """Such as panoramic-nectar-precut-smith-banana-handclap. good: whether the rules take it; tried until they do.

    dressed: with capitals and a digit at the end, for rules that ask for character classes. They add nothing to
    the entropy but the digit's. InputError: a number of words out of its range, or rules that take none.
    """
    if not LEAST_WORDS <= words <= MOST_WORDS:
        raise InputError(f"{words} words: give {LEAST_WORDS} to {MOST_WORDS}", phase="password")
    every = passphrase_words()

    def make() -> str:
        chosen = [choose(every) for _ in range(words)]
        if not dressed:
            return SEPARATOR.join(chosen)
        return SEPARATOR.join(word.capitalize() for word in chosen) + choose(string.digits)

    return Generated(_first_good(make, good), words * math.log2(len(every)) + (math.log2(10) if dressed else 0))


def characters(
    count: int = 24, *, good: Callable[[str], bool] = lambda _: True, choose: Choose = secrets.choice
) -> Generated:
    """Letters, digits and a few signs that no shell, URL or configuration file takes amiss; none looks like another."""
    if not LEAST_CHARACTERS <= count <= MOST_CHARACTERS:
        raise InputError(f"{count} characters: give {LEAST_CHARACTERS} to {MOST_CHARACTERS}", phase="password")
    made = _first_good(lambda: "".join(choose(SIGNS) for _ in range(count)), good)
    return Generated(made, count * math.log2(len(SIGNS)))


def _first_good(make: Callable[[], str], good: Callable[[str], bool]) -> str:
    for _ in range(_MOST_TRIES):
        made = make()
        if good(made):
            return made
    raise InputError(
        "the rules take no password of this kind", phase="password", advice="ask for more words or characters"
    )
