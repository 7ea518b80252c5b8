"""`mailward user import`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HASH = "$y$j75$RbLe/.ytN7D1HirU5AUnB1$6vMDPm6cjmaOE.KU82GOCKKgdKareaJEJmIZss2W8K2"
SHADOW = f"root:*:19000:0:99999:7:::\nann:{HASH}:19000:0:99999:7:::\nbob:!{HASH}:19000:0:99999:7:::\n"


def names(run: Run, config_file: Path) -> list[str]:
    return [each["name"] for each in run("user", "list", "--json", "--config", config_file).json]


def test_shadow(run: Run, config_file: Path, tmp_path: Path) -> None:
    """Accounts with a password come in under the domain; the others are counted."""
    (tmp_path / "shadow").write_text(SHADOW)
    typed = (
        "user",
        "import",
        tmp_path / "shadow",
        "--format",
        "shadow",
        "--domain",
        "example.test",
        "--config",
        config_file,
    )

    done = run(*typed)

    assert (done.code, done.err) == (0, "")
    assert done.out == "✔ 2 accounts added, 0 replaced (2 yescrypt)\n  left out: 1 without a password, 0 bad lines\n"
    assert names(run, config_file) == ["ann@example.test", "bob@example.test"]
    assert run(*typed).code == 2
    assert run(*typed, "--replace").out.startswith("✔ 0 accounts added, 2 replaced")


def test_bad_lines_are_told(run: Run, config_file: Path, tmp_path: Path) -> None:
    """Each with its number and no password; nothing is imported, and exit code 2. --skip-bad imports the rest."""
    (tmp_path / "users").write_text(f"ann@example.test:{HASH}\nbob@example.test:horse-battery\neve\n")
    typed = ("user", "import", tmp_path / "users", "--format", "dovecot", "--config", config_file)

    done = run(*typed)

    assert done.code == 2
    assert done.out == ""
    assert "  line 2: no known scheme made it\n  line 3: it has no colon" in done.err
    assert "2 lines are bad: nothing was imported" in done.err
    assert "horse" not in done.err
    assert names(run, config_file) == []
    assert run(*typed, "--skip-bad").code == 0
    assert names(run, config_file) == ["ann@example.test"]


def test_json_and_dry_run(run: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--dry-run says what would be done, from standard input too; a hash or a password is in no output."""
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(f"ann:{HASH}\nbob:{{PLAIN}}horse-battery\nx\n".encode()))
    )
    run("user", "import", "/dev/null", "--format", "dovecot", "--config", config_file)

    done = run(
        "user", "import", "-", "--format", "dovecot", "--dry-run", "--skip-bad", "--json", "--config", config_file
    )

    assert done.json == {
        "imported": False,
        "dry_run": True,
        "added": ["ann", "bob"],
        "replaced": [],
        "schemes": {"yescrypt": 1, "plain": 1},
        "skipped": [],
        "bad": [{"line": 3, "why": "it has no colon between name and password"}],
    }
    assert names(run, config_file) == []


def test_a_file_that_is_not_there(run: Run, config_file: Path, tmp_path: Path) -> None:
    """Exit code 2 and its name."""
    done = run("user", "import", tmp_path / "none", "--format", "htpasswd", "--config", config_file)

    assert done.code == 2
    assert "none: No such file" in done.err
