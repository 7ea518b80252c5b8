"""Starting is quick: heavy modules are loaded by what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "ssl", "sqlite3", "cryptography", "argon2", "msgspec", "click", "rich", "zxcvbn_rs_py"}


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a fresh interpreter imports for these arguments."""
    command = [sys.executable, "-I", "-X", "importtime", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_import_is_light() -> None:
    """`import mailward` loads no event loop, no TLS and no third party."""
    modules = loaded_by("-c", "import mailward")

    assert "mailward" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["send", "--help"], ["serve", "--help"]], ids=" ".join
)
def test_help_is_light(arguments: list[str]) -> None:
    """Asking the command line what it can do loads nothing that does it."""
    modules = loaded_by("-m", "mailward", *arguments)

    assert "click" in modules
    assert modules & (HEAVY - {"click"}) == set()


def test_public_names_exist() -> None:
    """Every name in `mailward.__all__` can be had, although it is loaded only then."""
    probe = "import mailward; print([name for name in mailward.__all__ if not hasattr(mailward, name)])"

    done = subprocess.run([sys.executable, "-I", "-c", probe], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"
