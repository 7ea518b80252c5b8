"""What every table of the configuration has in common."""

from __future__ import annotations

import msgspec
import pytest

from mailward.server.config_section import Section


class Shelf(Section, frozen=True, kw_only=True):
    """For the test."""

    length: int = 3


def test_a_section_is_a_value() -> None:
    """It compares by what it holds, and cannot be changed."""
    assert Shelf(length=3) == Shelf()
    with pytest.raises(AttributeError):
        Shelf().length = 4  # type: ignore[misc]


def test_what_it_does_not_know_is_refused() -> None:
    """A key that is none is an error, wherever it is read."""
    with pytest.raises(msgspec.ValidationError, match="lenght"):
        msgspec.convert({"lenght": 3}, Shelf)
