"""One message for each row of a table, made as they are asked for (RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mailward.errors import InputError, InvalidMessage
from mailward.message.files import AnyPath, PathLike, text_lines
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.message.builder import Message
    from mailward.message.templates import Template

MOST_COLUMNS: Final = 1_000
LONGEST_LINE: Final = 1 << 20  # octets; a field has 128 KiB at most, which is what the csv module allows
LONGEST_ROW: Final = 1 << 22
_ADVICE = "save the table as CSV in UTF-8"


def merge(
    template: Template,
    rows: AnyPath | Iterable[Mapping[str, Any]],
    *,
    delimiter: str = ",",
    skip: Callable[[InputError], None] | None = None,
) -> Iterator[Message]:
    """Renders `template` for each of `rows`: a CSV file in UTF-8 with a line of names first, or mappings.

    A row that is wrong raises InvalidMessage with its line, and the rest is not read; with `skip` it is told to that
    instead, and left out. Nothing is read before it is asked for, as by `client.send_many(merge(…))`.
    """
    for place, row in _placed(rows, delimiter):
        try:
            if isinstance(row, InvalidMessage):
                raise row
            message = template.render(**_data(row))
        except InputError as error:
            told = InvalidMessage(f"{place}: {error.message}", phase="message", advice=error.advice)
            if skip is None:
                raise told from error
            skip(told)
        else:
            yield message


def _placed(
    rows: AnyPath | Iterable[Mapping[str, Any]], delimiter: str
) -> Iterator[tuple[str, Mapping[str, Any] | InvalidMessage]]:
    if isinstance(rows, str | PathLike):
        yield from _csv_rows(rows, delimiter)
    else:
        for number, row in enumerate(rows, 1):
            yield f"row {number}", row


def _csv_rows(path: AnyPath, delimiter: str) -> Iterator[tuple[str, dict[str, str] | InvalidMessage]]:
    with text_lines(path, longest=LONGEST_LINE) as lines:
        row = _Row(lines)
        reader = csv.reader(row, delimiter=delimiter, strict=True)
        names = _names(_next(reader) or [])
        while (cells := _next(reader)) is not None:
            row.size = 0
            place = f"line {reader.line_num}"
            if len(cells) == len(names):
                yield place, dict(zip(names, cells, strict=True))
            elif cells:
                yield place, InvalidMessage(f"it has {len(cells)} columns, and the first line names {len(names)}")


class _Row:
    """The lines of the table; those of one row, which quotes may hold together, must not go on for ever."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.size += len(line)
            if self.size > LONGEST_ROW:
                raise InvalidMessage(f"a row has more than {LONGEST_ROW} characters")
            yield line


def _next(reader: Any) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise InvalidMessage(f"line {reader.line_num}: {printable(str(error), 120)}", advice=_ADVICE) from error
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"line {reader.line_num + 1}: it is not UTF-8", advice=_ADVICE) from error


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    wrong = [name for name in names if not name.isidentifier()]
    if not names or len(names) > MOST_COLUMNS or len(set(names)) != len(names):
        raise InvalidMessage(f"line 1: it must name each column once, {MOST_COLUMNS} at most")
    if wrong:
        raise InvalidMessage(
            f"line 1: {printable(wrong[0], 40)!r} cannot be a name in a template", advice="use letters, digits and _"
        )
    return names


def _data(row: object) -> dict[str, Any]:
    if not isinstance(row, Mapping) or not all(isinstance(name, str) for name in row):
        raise InvalidMessage("it is no mapping from names to values")
    return dict(row)
