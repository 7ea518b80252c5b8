"""A listing of one line a row that fits the terminal: what does not fit is cut with "…", or its column left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailward.cli import output
from mailward.printable import printable

_GAP = "  "
_LONGEST_CELL = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """`least`: the width down to which it may be cut; None: never cut. `leaves`: which goes first; 0: it stays."""

    name: str
    least: int | None = None
    leaves: int = 0
    right: bool = False


def say_lines(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """`empty`: what to say instead when there are no rows."""
    if not rows:
        output.say(empty)
        return
    cells = [[printable(str(cell), _LONGEST_CELL) for cell in row] for row in rows]
    widths = fitted(columns, cells, output.width())
    output.say(_line(columns, [column.name for column in columns], widths), style="bold")
    for row in cells:
        output.say(_line(columns, row, widths))


def fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]], space: int) -> list[int]:
    """The width of each column; -1 for one that is left out."""
    widths = [max(len(column.name), *(len(row[n]) for row in cells)) for n, column in enumerate(columns)]
    least = [
        width if column.least is None else min(width, column.least)
        for width, column in zip(widths, columns, strict=True)
    ]
    for n in sorted((n for n, column in enumerate(columns) if column.leaves), key=lambda n: columns[n].leaves):
        if _needed(least) > space:
            widths[n] = least[n] = -1
    while _needed(widths) > space:
        shrinkable = [n for n, width in enumerate(widths) if width > least[n]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    return widths


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def some(addresses: Sequence[str]) -> str:
    """The first, and how many more there are."""
    return f"{addresses[0]} +{len(addresses) - 1}" if len(addresses) > 1 else "".join(addresses)


def _needed(widths: Sequence[int]) -> int:
    shown = [width for width in widths if width >= 0]
    return sum(shown) + len(_GAP) * (len(shown) - 1)


def _line(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cut(cell, width).rjust(width) if column.right else cut(cell, width).ljust(width)
        for column, cell, width in zip(columns, row, widths, strict=True)
        if width >= 0
    ]
    return _GAP.join(cells).rstrip()
