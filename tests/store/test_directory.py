"""mailward.store.directory"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mailward.store.directory import make_directory, sync_directory


def test_it_is_the_owners_alone(tmp_path: Path) -> None:
    """The directory is made with its parents, and is 0700."""
    make_directory(tmp_path / "a" / "b" / "c")

    assert stat.S_IMODE((tmp_path / "a" / "b" / "c").stat().st_mode) == 0o700


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """No mode is changed under its owner's feet."""
    (tmp_path / "a").mkdir(mode=0o755)

    make_directory(tmp_path / "a")

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755


def test_each_new_name_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut the whole path is there: every directory that got an entry was synced."""
    synced: list[str] = []
    real = os.fsync

    def sync(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        real(file)

    monkeypatch.setattr(os, "fsync", sync)

    make_directory(tmp_path / "a" / "b")

    assert set(synced) == {str(tmp_path), str(tmp_path / "a")}


def test_a_missing_directory_cannot_be_synced(tmp_path: Path) -> None:
    """What is not there is told, not passed over."""
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "missing")
