"""Hostile text is shown, and does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.printable import printable


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain text – with € and ü", "plain text – with € and ü"),
        ("\x1b[2J\x1b]0;pwn\x07", "\\x1b[2J\\x1b]0;pwn\\x07"),
        ("a\r\nb\tc\x00", "a\\x0d\\x0ab\\x09c\\x00"),
        ("\u202eevil", "\\u202eevil"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        (b"\xff\xfe ok", "\\xff\\xfe ok"),
        ("two\u2028lines", "two\\u2028lines"),
    ],
)
def test_escapes(hostile: str | bytes, shown: str) -> None:
    """Controls, bidi, zero width, surrogates, tags and what is not UTF-8."""
    assert printable(hostile) == shown


@given(st.text() | st.binary(max_size=300))
def test_always_one_printable_line(text: str | bytes) -> None:
    """Whatever comes in, what goes out moves no cursor."""
    shown = printable(text)

    assert shown.isprintable() or not shown
    assert len(shown) <= 512
    shown.encode()


def test_it_is_bounded() -> None:
    """A mebibyte is not escaped to be cut off afterwards."""
    assert printable("\x1b" * 1_000_000, 40) == ("\\x1b" * 10)[:39] + "…"
