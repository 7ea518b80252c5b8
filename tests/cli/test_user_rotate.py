"""`mailward user rotate`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import ANN, PASSWORD, Run

NEW = "lantern-4b8k-violin-36sp-harbor"


def passwords(run: Run, config_file: Path) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = run("user", "show", ANN, "--config", config_file, "--json").json["passwords"]
    return found


def test_both_for_a_while(run: Run, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one from standard input beside the present one; nothing is printed of it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(NEW + "\n"))
    done = run("user", "rotate", ANN, "--overlap", "10", "--password-stdin", "--config", installed)
    newest, older = passwords(run, installed)

    assert done.code == 0
    assert "ann@example.test has a new password; the one before is taken until" in done.out
    assert NEW not in done.out + done.err
    assert (newest["expires"] is None, older["expires"] is None) == (True, False)


def test_the_end_of_it(run: Run, installed: Path) -> None:
    """--end leaves the newest one; again there is nothing to end."""
    made = run("user", "rotate", ANN, "--generate", "--config", installed, "--json").json
    assert made["older_until"] is not None
    assert len(made["password"]) >= 15
    assert run("user", "rotate", ANN, "--end", "--config", installed, "--json").json["ended"] is True
    assert len(passwords(run, installed)) == 1
    assert "nothing to end" in run("user", "rotate", ANN, "--end", "--config", installed).out


def test_what_had_to_be_changed_ends(run: Run, installed: Path) -> None:
    """After --expire-password there is no overlap, and that is said."""
    run("user", "set", ANN, "--expire-password", "--config", installed)
    done = run("user", "rotate", ANN, "--generate", "--config", installed)

    assert "the one before had to be changed" in done.out
    assert len(passwords(run, installed)) == 1


def test_refused(run: Run, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present password again: exit code 1 and why; contradictions and strange overlaps: exit code 2."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    again = run("user", "rotate", ANN, "--password-stdin", "--config", installed)
    both = run("user", "rotate", ANN, "--end", "--generate", "--config", installed)
    long = run("user", "rotate", ANN, "--generate", "--overlap", "366", "--config", installed)

    assert (again.code, both.code, long.code) == (1, 2, 2)
    assert "one of the last 5" in again.err
    assert PASSWORD not in again.err
    assert len(passwords(run, installed)) == 1
