"""Where the named servers of the command line are."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.cli import profiles


def test_the_file_is_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under XDG_CONFIG_HOME, else in ~/.config."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert profiles.path() == tmp_path / ".config" / "mailward" / "profiles.toml"

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert profiles.path() == tmp_path / "xdg" / "mailward" / "profiles.toml"


def test_one_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read when it is asked for."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profiles.path().parent.mkdir()
    profiles.path().write_text('[work]\nvia = "smtps://h.example"\n')
    assert profiles.profile("work").via == "smtps://h.example"
