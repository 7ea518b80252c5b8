"""Names that say something, and a test beside every module."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.tree import SRC, TESTS, files, modules, shown, syntax

SAYS_NOTHING = re.compile(r"_*(utils?|helpers?|common|base|misc|shared|stuff|tools?|lib)_*")

# A module without a test file of its own name, and what tests it instead.
TESTED_ELSEWHERE = {
    "__main__.py": "tests/house/test_start.py runs it",
    "sasl/cleartext.py": "tests/sasl/mechanisms/test_plain.py and test_login.py go through it",
    **dict.fromkeys(
        (
            "events/account.py",
            "events/ban.py",
            "events/client.py",
            "events/guard.py",
            "events/login.py",
            "events/message.py",
            "events/record.py",
        ),
        "tests/events/test_form.py writes and reads each type",
    ),
}


def test_file_names_say_something() -> None:
    """There is no file or folder named utils, helpers, common, base or misc."""
    empty = [shown(path) for path in files() for part in path.parts[1:] if SAYS_NOTHING.fullmatch(Path(part).stem)]

    assert empty == []


def test_every_module_has_its_test() -> None:
    """src/mailward/room/module.py is tested by tests/room/test_module.py."""
    names = {path.relative_to(SRC) for path in modules() if _does_something(path)}
    missing = {
        str(name): str(name.parent / f"test_{name.name}")
        for name in names
        if str(name) not in TESTED_ELSEWHERE and not (TESTS / name.parent / f"test_{name.name}").is_file()
    }

    assert missing == {}


def test_exceptions_are_needed() -> None:
    """A module that has its test now, or is gone, leaves the list of exceptions."""
    stale = [
        name
        for name in TESTED_ELSEWHERE
        if not (SRC / name).is_file() or (TESTS / name).with_name(f"test_{Path(name).name}").is_file()
    ]

    assert stale == []


def _does_something(path: Path) -> bool:
    """Whether it defines anything; a package that only gathers names needs no test."""
    return path.name != "__init__.py" or any(
        hasattr(node, "body") and hasattr(node, "name") for node in syntax(path).body
    )
