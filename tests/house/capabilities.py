"""`python -m tests.house.capabilities`: docs/reference/capabilities.md, written from the rows of its .toml."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.house.tree import ROOT, syntax

ROWS = ROOT / "docs" / "reference" / "capabilities.toml"
PAGE = ROWS.with_suffix(".md")
_HEAD = """# What the client can do, and what shows it

`python -m tests.house.capabilities` wrote this page from [capabilities.toml](capabilities.toml). Every row names the
tests that show it; a test of the house looks that they are there. What is not there stands [at the end](#not-there).
"""
_SECTIONS = (
    ("A", "What the commercial reference has", "Each capability of a large commercial mail library."),
    ("F-", "What any client of the field has", "One row for each capability of ten clients, in six languages."),
    ("P", "What users of other clients complain of", "And what this one does about it."),
    (
        "C",
        "Hostile servers",
        "By number; the tests run on both drivers. Time and memory are bounded, too.",
    ),
    ("E", "Hostile input", "What an application may pass on. Nothing of it becomes a command or a header."),
)


@dataclass(frozen=True, slots=True)
class Row:
    """`lacking`: what of it is not there, and why."""

    id: str
    what: str
    how: str
    tests: tuple[str, ...]
    lacking: str


def rows() -> list[Row]:
    table = tomllib.loads(ROWS.read_text())
    return [
        Row(row["id"], row["what"], row.get("how", ""), tuple(row.get("tests", ())), row.get("not", ""))
        for row in table["row"]
    ]


def missing_tests(found: Iterable[Row]) -> list[str]:
    """Every test that a row names and that is no function of that file."""
    return sorted({test for row in found for test in row.tests if not _is_there(test)})


def _is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(node, functions) and node.name == name for node in syntax(path).body)


def page(found: list[Row]) -> str:
    return "\n".join([_HEAD, *_sections(found), *_not_there(found)])


def _sections(found: list[Row]) -> Iterator[str]:
    for prefix, title, words in _SECTIONS:
        yield f"## {title}\n\n{words}\n\n| | what | how | shown by |\n| --- | --- | --- | --- |"
        yield from (_line(row) for row in found if row.id.startswith(prefix))
        yield ""


def _line(row: Row) -> str:
    tests = ", ".join(_link(test) for test in row.tests)
    star = " \\*" if row.lacking else ""
    return f"| {row.id}{star} | {_cell(row.what)} | {_cell(row.how)} | {tests} |"


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_')}](../../{file})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _not_there(found: list[Row]) -> Iterator[str]:
    yield "## Not there\n\nRows with a star, and what of each is lacking.\n"
    yield "| | what | not there |\n| --- | --- | --- |"
    yield from (f"| {row.id} | {_cell(row.what)} | {_cell(row.lacking)} |" for row in found if row.lacking)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(rows()))
    sys.exit("\n".join(missing_tests(rows())) or 0)
