"""Printing: for people through rich, never as markup and with hostile characters escaped; for programs as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from mailward.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_LINE = 4000
_HALF_A_YEAR = timedelta(days=180)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def console() -> Console:
    """For standard output. Colours only on a terminal, and not with NO_COLOR."""
    from rich import console as rich_console  # noqa: PLC0415 - slow to load, and not for --json

    class Quiet(rich_console.Console):
        def on_broken_pipe(self) -> None:  # rich would end the process here
            raise BrokenPipeError

    return Quiet(highlight=False, markup=False, emoji=False)


def say(text: str, *, style: str = "") -> None:
    """One line for people. It is not folded, so that what is to be copied stays whole."""
    from rich.text import Text  # noqa: PLC0415

    console().print(Text(printable(text, _LONGEST_LINE), style=style), soft_wrap=True)


def width() -> int:
    """Of the terminal; 80, or COLUMNS, where there is none."""
    return console().width


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, whole: int = 1) -> None:
    """`empty`: what to say instead when there are no rows. `whole`: how many columns, from the left, are not folded."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number < whole)
    for row in rows:
        table.add_row(*(Text(printable(str(cell), _LONGEST_LINE)) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        say(empty)


def say_json(value: object) -> None:
    """Indented, in ASCII: what a terminal could take as a command is an escape."""
    click.echo(json.dumps(value, indent=2))


def say_json_line(line: bytes) -> None:
    """One object of JSON Lines, in ASCII, at once."""
    click.echo(json.dumps(json.loads(line)))
    sys.stdout.flush()


def moment(seconds: float | None) -> str:
    """For people, in UTC."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")


def moment_briefly(seconds: float | None, now: datetime) -> str:
    """For people, in UTC: the time of today, the day and time of another day, the date of long ago."""
    if seconds is None:
        return ""
    then = datetime.fromtimestamp(seconds, UTC)
    if then.date() == now.date():
        return then.strftime("%H:%M")
    return then.strftime("%d %b %H:%M" if abs(now - then) < _HALF_A_YEAR else "%d %b %Y")


def timestamp(seconds: float | None) -> str | None:
    """For programs: RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
