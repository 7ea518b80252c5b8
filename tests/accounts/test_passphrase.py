"""Passwords made by chance."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pytest

from mailward.accounts.passphrase import SIGNS, Generated, characters, passphrase, passphrase_words
from mailward.errors import InputError


def test_the_words() -> None:
    """7,772 different ones in small letters, so 12.92 bits each, and nobody has to guess where one ends."""
    words = passphrase_words()

    assert len(words) == len(set(words)) == 7772
    assert all(re.fullmatch("[a-z]{3,9}", word) for word in words)


def test_passphrase() -> None:
    """Six words by default; the entropy is that of the draw."""
    made = passphrase()

    assert len(made.password.split("-")) == 6
    assert set(made.password.split("-")) <= set(passphrase_words())
    assert made.entropy == pytest.approx(6 * math.log2(7772))
    assert made.entropy > 77


def test_each_word_is_as_likely() -> None:
    """Every place is drawn from all the words, by the choice that is given."""
    drawn: list[Sequence[str]] = []

    def choose(each: Sequence[str]) -> str:
        drawn.append(each)
        return each[len(drawn)]

    made = passphrase(5, choose=choose)

    assert drawn == [passphrase_words()] * 5
    assert made.password == "-".join(passphrase_words()[1:6])


def test_dressed() -> None:
    """For rules that ask for classes: capitals, and a digit that is counted."""
    made = passphrase(5, dressed=True)

    assert re.fullmatch(r"(?:[A-Z][a-z]+-){4}[A-Z][a-z]+[0-9]", made.password)
    assert made.entropy == pytest.approx(5 * math.log2(7772) + math.log2(10))


def test_characters() -> None:
    """None is mistaken for another, and no shell or URL takes one amiss."""
    made = characters(40)

    assert len(made.password) == 40
    assert set(made.password) <= set(SIGNS)
    assert len(SIGNS) == len(set(SIGNS)) == 64
    assert not set("0O1lI'\"\\ $&#@:/?") & set(SIGNS)
    assert made.entropy == 240


def test_all_different() -> None:
    """By the secrets module."""
    assert len({passphrase(4).password for _ in range(200)}) == 200
    assert len({characters(15).password for _ in range(200)}) == 200


def test_only_good_ones() -> None:
    """It tries again until the rules take one, and does not try for ever."""
    made = passphrase(4, good=lambda password: password.startswith(tuple("abcdefghijklm")))

    assert made.password[0] <= "m"
    with pytest.raises(InputError, match="take no password"):
        characters(15, good=lambda _: False)


@pytest.mark.parametrize("words", [0, 3, 21, -1])
def test_number_of_words(words: int) -> None:
    """Three words can be tried, twenty-one are a story."""
    with pytest.raises(InputError, match="4 to 20"):
        passphrase(words)


@pytest.mark.parametrize("count", [0, 14, 129])
def test_number_of_characters(count: int) -> None:
    """The least and the most are said."""
    with pytest.raises(InputError, match="15 to 128"):
        characters(count)


def test_it_does_not_show() -> None:
    """In a log or a traceback."""
    assert "canary" not in repr(Generated("canary", 1.0))
