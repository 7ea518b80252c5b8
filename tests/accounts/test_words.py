"""The words of generated passwords."""

from __future__ import annotations

import re

from mailward.accounts.words import WORDS


def test_the_words_are_256() -> None:
    """Eight bits each, short, and in small letters."""
    assert len(WORDS) == len(set(WORDS)) == 256
    assert all(re.fullmatch("[a-z]{3,8}", word) for word in WORDS)
