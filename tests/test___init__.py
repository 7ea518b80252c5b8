"""The public face: everything by name, nothing before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import mailward
from mailward import errors

INTERNAL = {"BadCommand", "BadSequence", "InvalidConfig", "PasswordRefused", "StoreBusy", "StoreFull"}


@pytest.mark.parametrize("name", mailward.__all__)
def test_every_name_is_there(name: str) -> None:
    """Each name of `__all__` can be had, and is what it says."""
    value = getattr(mailward, name)

    assert name in dir(mailward)
    assert getattr(value, "__name__", name) == name


def test_every_error_a_client_meets_is_public() -> None:
    """The rest are the server's own."""
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}

    assert tree - set(mailward.__all__) == INTERNAL


def test_a_name_that_is_not_there() -> None:
    """It is the usual error."""
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        getattr(mailward, "Cle" + "int")


def test_importing_it_imports_nothing() -> None:
    """`import mailward` costs next to nothing."""
    check = (
        "import sys; before = set(sys.modules); import mailward;"
        "new = {name for name in set(sys.modules) - before if name.startswith('mailward.')};"
        "sys.exit(str(new) if new else 0)"
    )

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
