"""Which server a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.cli import installation
from mailward.errors import InvalidConfig, StoreError


def test_without_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is the one that `mailward serve` keeps by itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert installation.load(None).state_path == tmp_path / "mailward"


def test_the_environment_names_the_file(run: object, monkeypatch: pytest.MonkeyPatch, installed: Path) -> None:
    """MAILWARD_CONFIG saves typing --config."""
    assert callable(run)
    monkeypatch.setenv("MAILWARD_CONFIG", str(installed))

    assert [each["name"] for each in run("user", "list", "--json").json] == ["ann@example.test"]


def test_no_state_directory(config_file: Path) -> None:
    """Looking does not make one."""
    with (
        pytest.raises(StoreError, match="there is no state directory"),
        installation.opened(config_file),
    ):
        pass
    assert not (config_file.parent / "state").exists()


def test_made_when_asked(config_file: Path) -> None:
    """Adding the first account does make one, and what is written is there."""
    with installation.opened(config_file, create=True) as place:
        place.write(lambda connection: connection.execute("CREATE TABLE t (x)"))
        assert place.reader.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_fault_found_late_has_its_line(config_file: Path) -> None:
    """A state directory that went bad after the file was read is told with file, line and key."""
    with pytest.raises(InvalidConfig) as caught, installation.located(config_file):
        raise InvalidConfig("is on fire", key="state")
    assert str(caught.value) == f"{config_file}:2: state: is on fire"

    with pytest.raises(InvalidConfig, match=r"^is on fire$"), installation.located(None):
        raise InvalidConfig("is on fire", key="state")


def test_another_owners_state(installed: Path) -> None:
    """A directory that others can write is refused with its line."""
    (installed.parent / "state").chmod(0o777)

    with (
        pytest.raises(InvalidConfig, match=r"mailward.toml:2: state: .*can be written by others"),
        installation.opened(installed),
    ):
        pass
