"""The floors of docs/ARCHITECTURE.md hold, and their contracts would notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SRC

LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT), "--no-logo", "--no-cache", str(ROOT / "pyproject.toml")]
    environment = {"PYTHONPATH": str(folder)}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)


def test_contracts_are_kept() -> None:
    """Imports go downwards only, and the floors without I/O have none."""
    done = lint(ROOT / "src")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "place, line",
    [
        ("wire/state.py", "import time"),
        ("wire/state.py", "from mailward.events.record import Record"),
        ("sasl/register.py", "import mailward.net.ports"),
        ("client/session.py", "import asyncio"),
        ("extra/__init__.py", "import mailward.errors"),
        ("sasl/mechanisms/plain.py", "from mailward.sasl.mechanisms import login"),
    ],
)
def test_contracts_notice(tmp_path: Path, place: str, line: str) -> None:
    """One import across a floor, or a room that is not on the plan, breaks a contract."""
    shutil.copytree(SRC, tmp_path / "mailward", ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "mailward" / place
    changed.parent.mkdir(exist_ok=True)
    with changed.open("a") as file:
        file.write(f"\n{line}\n")

    done = lint(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
