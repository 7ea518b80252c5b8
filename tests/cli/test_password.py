"""`mailward password`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mailward.accounts.policy import check
from mailward.accounts.rules import PasswordRules, Profile
from tests.cli.conftest import ANN, PASSWORD, Done, Run


@pytest.fixture
def checked(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """`mailward password check`, with a password on standard input."""

    def typed(password: str, *arguments: str | Path) -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        return run("password", "check", *arguments)

    return typed


def test_a_good_one(checked: Callable[..., Done]) -> None:
    """Exit code 0; as JSON no reason and the score."""
    assert (checked(PASSWORD).code, checked(PASSWORD).out) == (0, "✔ it is good\n")
    assert checked(PASSWORD, "--json").json == {
        "good": True, "reasons": [], "warnings": [], "score": 4, "profile": "nist"
    }  # fmt: skip


def test_a_refused_one(checked: Callable[..., Done]) -> None:
    """Exit code 1 and every reason at once; the password is not repeated."""
    done = checked("Summer2024!", "--json")

    assert done.code == 1
    assert done.json["good"] is False
    assert len(done.json["reasons"]) == 3
    assert "15 is the least" in done.json["reasons"][0]
    assert "breach" in done.json["reasons"][1]
    assert "Summer" not in done.out + done.err
    assert checked("Summer2024!").out.count("\n  - ") == 3


def test_whose_it_is(checked: Callable[..., Done]) -> None:
    """--account counts, and the server's name with a configuration."""
    assert checked("miller-and-otters-77", "--account", "ann.miller@example.test").code == 1
    assert checked("miller-and-otters-77").code == 0


def test_profiles(checked: Callable[..., Done]) -> None:
    """--profile and --second-factor."""
    assert checked("tmQ9-xLo").code == 1
    assert checked("tmQ9-xLo", "--second-factor").code == 0
    assert checked("tmQ9-xLo", "--profile", "legacy").code == 0
    assert checked("my dentist hates umbrellas", "--profile", "pci").code == 1
    assert checked("tmQ9-xLo", "--profile", "iso").code == 2


def test_a_configuration(checked: Callable[..., Done], config_file: Path) -> None:
    """It may be given, and nothing is made of it."""
    config_file.write_text(config_file.read_text().replace('hostname = "localhost"', 'hostname = "lavender.test"'))
    done = checked("my dentist smells of lavender", "--config", config_file, "--json")

    assert done.code == 1
    assert "this server's name (lavender)" in done.json["reasons"][0]
    assert not (config_file.parent / "state").exists()
    assert checked(PASSWORD, "--config", config_file.parent / "missing.toml").code == 2


def test_no_password(checked: Callable[..., Done]) -> None:
    """An empty line is a mistake of the caller, not a bad password."""
    assert checked("").code == 2


def test_generate(run: Run) -> None:
    """A passphrase of six words, alone on standard output; its entropy beside it."""
    done = run("password", "generate")

    assert len(done.out.strip().split("-")) == 6
    assert done.err == "77.5 bits of entropy\n"
    assert check(done.out.strip(), account=ANN) == ()


def test_generate_many(run: Run) -> None:
    """--count, --words, --json: a list, all different."""
    made = run("password", "generate", "--count", "20", "--words", "5", "--json").json

    assert len({each["password"] for each in made}) == 20
    assert {each["entropy"] for each in made} == {64.6}
    assert run("password", "generate", "--count", "2").err.endswith("bits of entropy each\n")


@pytest.mark.parametrize("profile", ["nist", "pci", "legacy"])
@pytest.mark.parametrize("kind", ["--words", "--characters"])
def test_generate_for_a_profile(run: Run, profile: Profile, kind: str) -> None:
    """What is made, the profile takes."""
    rules = PasswordRules.of(profile)
    made = json.loads(run("password", "generate", kind, "16", "--profile", profile, "--account", ANN, "--json").out)

    assert check(made[0]["password"], rules, account=ANN) == ()


def test_generate_what_cannot_be(run: Run) -> None:
    """Too few words, both kinds, no number: exit code 2."""
    assert run("password", "generate", "--words", "3").code == 2
    assert run("password", "generate", "--words", "6", "--characters", "20").code == 2
    assert run("password", "generate", "--characters", "many").code == 2
