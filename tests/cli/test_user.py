"""`mailward user`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import ANN, PASSWORD, Run

NEW = "lantern-4b8k-violin-36sp-harbor"


def names(run: Run, config_file: Path) -> list[str]:
    return [each["name"] for each in run("user", "list", "--json", "--config", config_file).json]


def test_added_from_standard_input(run: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`user add NAME --password-stdin` makes the state directory if need be, and prints no password."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))

    done = run("user", "add", ANN, "--password-stdin", "--config", config_file)

    assert done.code == 0
    assert done.out == "✔ ann@example.test may log in\n"
    assert names(run, config_file) == [ANN]


def test_added_from_a_file(run: Run, config_file: Path, tmp_path: Path) -> None:
    """--password-file and --sender."""
    (tmp_path / "secret").write_text(PASSWORD)
    (tmp_path / "secret").chmod(0o600)

    done = run(
        "user", "add", "Ann@Example.TEST", "--password-file", tmp_path / "secret",
        "--sender", "sales@example.test", "--config", config_file, "--json",
    )  # fmt: skip

    assert done.json == {"name": ANN, "senders": [ANN, "sales@example.test"]}


def test_generated(run: Run, config_file: Path) -> None:
    """--generate prints a password that the policy accepts, this once."""
    done = run("user", "add", ANN, "--generate", "--config", config_file, "--json")

    assert len(done.json["password"]) >= 20
    assert done.json["password"] not in run("user", "list", "--config", config_file).out


def test_refused_passwords(run: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reason at once, exit code 1, no account, and the password is not repeated."""
    monkeypatch.setattr("sys.stdin", io.StringIO("ann-abcd\n"))

    done = run("user", "add", ANN, "--password-stdin", "--config", config_file)

    assert done.code == 1
    assert done.err.startswith("mailward: the password is refused:\n  - ")
    assert done.err.count("\n  - ") >= 2
    assert "ann-abcd" not in done.err
    assert names(run, config_file) == []


def test_a_name_that_is_taken(run: Run, installed: Path) -> None:
    """Adding twice is a mistake: exit code 2 and what to do instead."""
    done = run("user", "add", ANN, "--generate", "--config", installed)

    assert done.code == 2
    assert "mailward user passwd" in done.err


def test_passwd(run: Run, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new password replaces the old one."""
    before = run("user", "list", "--json", "--config", installed).json[0]["changed"]
    monkeypatch.setattr("sys.stdin", io.StringIO(NEW + "\n"))

    done = run("user", "passwd", ANN, "--password-stdin", "--config", installed)

    assert done.code == 0
    assert run("user", "list", "--json", "--config", installed).json[0]["changed"] >= before


def test_removed(run: Run, installed: Path) -> None:
    """A removed account is gone; removing it again is told with the nearest name."""
    assert run("user", "remove", "ann@exampel.test", "--config", installed).code == 2
    done = run("user", "remove", ANN, "--config", installed, "--json")

    assert done.json == {"name": ANN, "removed": True}
    assert names(run, installed) == []
    assert run("user", "remove", ANN, "--config", installed).code == 2


def test_listed_for_people(run: Run, installed: Path) -> None:
    """A table, or a sentence about how to begin."""
    assert ANN in run("user", "list", "--config", installed).out
    run("user", "remove", ANN, "--config", installed)
    assert "mailward user add" in run("user", "list", "--config", installed).out


def test_one_source_of_the_password(run: Run, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are a contradiction; none, without a terminal, is told with the options there are."""
    both = run("user", "passwd", ANN, "--password-stdin", "--generate", "--config", installed)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    none = run("user", "passwd", ANN, "--config", installed)

    assert (both.code, none.code) == (2, 2)
    assert "exclude each other" in both.err
    assert "--password-stdin" in none.err
