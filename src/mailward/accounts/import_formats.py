"""Finds the formats of password files by their folder, `imports/`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from mailward.accounts import imports
from mailward.accounts.imported import Format


@cache
def known() -> dict[str, Format]:
    """By name."""
    names = [module.name for module in pkgutil.iter_modules(imports.__path__)]
    found: list[Format] = [import_module(f"{imports.__name__}.{name}").FORMAT for name in names]
    return {each.name: each for each in found}
