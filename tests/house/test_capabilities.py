"""docs/reference/capabilities.md is complete, current, and names tests that are there."""

from __future__ import annotations

from tests.house.capabilities import PAGE, Row, missing_tests, page, rows

WANTED = {
    *(f"A{number}" for number in range(1, 31)),
    *(f"P{number}" for number in range(1, 27)),
    *(f"C{number:02}" for number in range(1, 24)),
    *(f"E{number:02}" for number in range(1, 15)),
}
FIELD = 62  # capabilities that any client of the field has


def test_every_named_test_exists() -> None:
    """Each test of each row is a function of the file it names, and each row has one or says what it lacks."""
    found = rows()

    assert missing_tests(found) == []
    assert [row.id for row in found if not row.tests and not row.lacking] == []


def test_a_test_that_is_gone_is_noticed() -> None:
    """The look itself: neither a file nor a function that is not there passes."""
    here = "tests/house/test_capabilities.py"
    tests = (f"{here}::test_a_test_that_is_gone_is_noticed", f"{here}::test_none", "tests/none.py::test_none")

    assert missing_tests([Row("A1", "", "", tests, "")]) == [f"{here}::test_none", "tests/none.py::test_none"]


def test_no_row_is_left_out() -> None:
    """Every row of the commercial reference, of the pains and of both lists of bad input is there once."""
    ids = [row.id for row in rows()]

    assert len(ids) == len(set(ids))
    assert WANTED - set(ids) == set()
    assert len([each for each in ids if each.startswith("F-")]) >= FIELD


def test_the_page_is_current() -> None:
    """The page is what `python -m tests.house.capabilities` writes, with all that is lacking at its end."""
    found = rows()
    text = PAGE.read_text()
    end = text.partition("\n## Not there\n")[2]

    assert text == page(found), "run: python -m tests.house.capabilities"
    assert [row.id for row in found if row.lacking and f"| {row.id} |" not in end] == []
