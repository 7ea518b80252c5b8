"""A library that only one kind of source needs, and how to get it where it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from mailward.errors import InvalidConfig


def load(module: str, *, kind: str, extra: str) -> Any:
    """The module. InvalidConfig: it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidConfig(
            f"a source of the kind {kind!r} needs {module}, which is not installed",
            key="account_source.kind",
            advice=f'pip install "mailward[{extra}]"',
        ) from None
