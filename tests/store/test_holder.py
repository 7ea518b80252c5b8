"""Who is at work, and who is not any more."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store.holder import Holder, is_alive

FORKS = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # in which the test runner has threads


def test_alive_while_it_holds(tmp_path: Path) -> None:
    """Another look from the same process sees it too; after `let_go` nothing is left."""
    holder = Holder(tmp_path / "owners", "a")
    assert not is_alive(tmp_path / "owners", "a")
    holder.hold()
    holder.hold()

    assert is_alive(tmp_path / "owners", "a")
    assert stat.S_IMODE((tmp_path / "owners" / "a").stat().st_mode) == 0o600
    holder.let_go()
    holder.let_go()
    assert not is_alive(tmp_path / "owners", "a")
    assert list((tmp_path / "owners").iterdir()) == []


@FORKS
def test_a_killed_process_is_not_alive(tmp_path: Path) -> None:
    """SIGKILL lets go of what it held, at once; its file is swept away."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - it is killed
        Holder(tmp_path, "child").hold()
        os.write(told, b"x")
        signal.pause()
    os.read(ready, 1)
    assert is_alive(tmp_path, "child")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(told)

    assert not is_alive(tmp_path, "child")
    assert list(tmp_path.iterdir()) == []


@FORKS
def test_a_child_is_not_its_parent(tmp_path: Path) -> None:
    """What a child disowns is still the parent's."""
    holder = Holder(tmp_path, "parent")
    holder.hold()
    child = os.fork()
    if child == 0:  # pragma: no cover - its coverage is lost
        holder.disown()
        os._exit(0 if is_alive(tmp_path, "parent") else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_alive(tmp_path, "parent")
    holder.let_go()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a" * 101])
def test_names_are_no_paths(tmp_path: Path, name: str) -> None:
    """What could lead out of the directory is refused."""
    with pytest.raises(StoreError):
        Holder(tmp_path, name)
    with pytest.raises(StoreError):
        is_alive(tmp_path, name)
