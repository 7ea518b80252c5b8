"""One line a row."""

from __future__ import annotations

import pytest

from mailward.cli.lines import Column, cut, fitted, say_lines, some

COLUMNS = (Column("id"), Column("to", least=8), Column("subject", least=6, leaves=1), Column("size", leaves=2))
ROW = ["I" * 26, "someone@example.test", "s" * 40, "1234"]


@pytest.mark.parametrize(
    "space, widths",
    [
        (200, [26, 20, 40, 4]),
        (80, [26, 20, 24, 4]),
        (60, [26, 12, 12, 4]),
        (50, [26, 8, 6, 4]),
        (49, [26, 15, -1, 4]),
        (40, [26, 12, -1, -1]),
        (10, [26, 8, -1, -1]),
    ],
)
def test_fitted(space: int, widths: list[int]) -> None:
    """The widest is cut first, then columns are left out in their order; the id stays whole."""
    assert fitted(COLUMNS, [ROW], space) == widths


def test_cut() -> None:
    """What is cut says so."""
    assert (cut("abcd", 4), cut("abcde", 4)) == ("abcd", "abc…")


def test_some() -> None:
    """The first address and the number of the others."""
    assert (some([]), some(["a@b"]), some(["a@b", "c@d", "e@f"])) == ("", "a@b", "a@b +2")


@pytest.mark.parametrize("space", [30, 60, 80])
def test_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, space: int) -> None:
    """A heading and a line a row, none longer than the terminal as long as that holds an id."""
    monkeypatch.setenv("COLUMNS", str(space))

    say_lines((Column("id"), Column("subject", least=6, leaves=1)), [["I" * 26, "a\x1b" * 99]], empty="")

    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("I" * 26)
    assert "\x1b" not in line
    assert len(line) <= space


def test_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to list is a sentence."""
    say_lines(COLUMNS, [], empty="nothing")

    assert capsys.readouterr().out == "nothing\n"
