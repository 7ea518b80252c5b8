"""Libraries of single kinds."""

from __future__ import annotations

import pytest

from mailward.accounts.sources.extra import load
from mailward.errors import InvalidConfig


def test_a_missing_library_says_how_to_get_it() -> None:
    """The advice is the command."""
    with pytest.raises(InvalidConfig, match="no_such_library") as refused:
        load("no_such_library", kind="ldap", extra="ldap")

    assert refused.value.advice == 'pip install "mailward[ldap]"'


def test_a_library_that_is_there() -> None:
    """It is given as it is."""
    assert load("json", kind="http", extra="http").loads("1") == 1
