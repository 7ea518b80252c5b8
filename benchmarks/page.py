"""docs/benchmarks.md: the method is written there by hand, the figures between two marks are written from results."""

from __future__ import annotations

from benchmarks import report
from benchmarks.program import ROOT
from benchmarks.results import Results

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: python -m benchmarks --write-docs -->\n", "<!-- end of the figures -->\n"


def write(results: Results) -> None:
    PAGE.write_text(replaced(PAGE.read_text(), report.markdown(results)))


def replaced(text: str, figures: str) -> str:
    """The page with these figures between its marks."""
    before, found, rest = text.partition(BEGIN)
    _, also_found, after = rest.partition(END)
    if not found or not also_found:
        raise ValueError(f"{PAGE.name} has lost the marks of its figures")
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"
