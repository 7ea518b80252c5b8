"""Repetition and sequences."""

from __future__ import annotations

import time

import pytest

from mailward.accounts.patterns import classes, patterns


@pytest.mark.parametrize(
    "text,reason",
    [
        ("aaaaaaaaaa", "1 different characters only"),
        ("abababab", "2 different characters only"),
        ("kitekite9kitekite9", "one piece repeated"),
        ("lantern.lantern", "one piece repeated"),
        ("abcdefgh", "a sequence"),
        ("hgfedcba", "a sequence"),
        ("xy1234567", "a sequence"),
    ],
)
def test_found(text: str, reason: str) -> None:
    """Each is told in plain words."""
    assert reason in " | ".join(patterns(text))


@pytest.mark.parametrize("text", ["", "a", "kite otter amber", "abcd otters in the lagoon"])
def test_not_found(text: str) -> None:
    """A short sequence inside something longer does no harm."""
    assert list(patterns(text)) == []


@pytest.mark.parametrize(
    "text,count",
    [("", 0), ("abc", 1), ("abC", 2), ("abC1", 3), ("abC1!", 4), ("пароль", 1), ("海", 1), (" ", 1), ("٣", 1)],
)
def test_classes(text: str, count: int) -> None:
    """Small letters, capitals (and letters without case), digits, others, in any script."""
    assert classes(text) == count


def test_time() -> None:
    """The longest password there is takes some milliseconds."""
    began = time.perf_counter()
    for text in ("a" * 256, "ab" * 128, "a" * 255 + "b", "abcd" * 64):
        list(patterns(text))

    assert time.perf_counter() - began < 0.5
