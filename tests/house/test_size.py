"""Small on purpose: what one can read in one sitting."""

from __future__ import annotations

from tests.house.tree import functions, modules, shown

LONGEST_FILE = 350
LONGEST_FUNCTION = 50


def test_files_are_short() -> None:
    """No module has more than 350 lines; past that there is a second room inside."""
    lengths = {shown(path): len(path.read_text().splitlines()) for path in modules()}

    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    """No function's body has more than 50 lines."""
    lengths = {
        f"{shown(path, function)} {function.name}": (function.end_lineno or 0) - function.body[0].lineno + 1
        for path in modules()
        for function in functions(path)
    }

    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}
