"""The state directory is ours alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailward.errors import InvalidConfig, StoreBusy
from mailward.server import state_directory

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def test_default_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_STATE_HOME when it is absolute, as the specification says, else ~/.local/state."""
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert state_directory.default_path() == Path("/nowhere/.local/state/mailward")

    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_directory.default_path() == Path("/nowhere/.local/state/mailward")

    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert state_directory.default_path() == Path("/var/state/mailward")


def test_made_for_us_alone(tmp_path: Path) -> None:
    """A new directory and those above it have mode 0700, whatever the umask; doing it twice changes nothing."""
    state = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        state_directory.prepare(state)
    finally:
        os.umask(before)
    state_directory.prepare(state)

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720])
def test_writable_by_others(tmp_path: Path, mode: int) -> None:
    """A directory that others can write is refused with the command that mends it, and is not changed."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)

    with pytest.raises(InvalidConfig, match="chmod 700") as caught:
        state_directory.prepare(state)

    assert caught.value.key == "state"
    assert stat.S_IMODE(state.stat().st_mode) == mode


def test_replaceable_parents(tmp_path: Path) -> None:
    """A parent in which others may rename things is refused; a sticky one, like /tmp, is not."""
    parent = tmp_path / "open"
    parent.mkdir()
    state_directory.prepare(parent / "state")

    parent.chmod(0o777)
    with pytest.raises(InvalidConfig, match="could be replaced"):
        state_directory.prepare(parent / "state")

    parent.chmod(0o1777)
    state_directory.prepare(parent / "state")


def test_not_a_directory(tmp_path: Path) -> None:
    """A file or a link in its place is refused, and so is a path through a file."""
    (tmp_path / "file").touch()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(InvalidConfig, match="is not a directory"):
        state_directory.prepare(tmp_path / "file")
    with pytest.raises(InvalidConfig, match="symbolic link; write where it leads"):
        state_directory.prepare(tmp_path / "link")
    with pytest.raises(InvalidConfig, match="state directory"):
        state_directory.prepare(tmp_path / "file" / "state")
    with pytest.raises(InvalidConfig, match="cannot be opened"):
        state_directory.verify(tmp_path / "absent")


@AS_ROOT
def test_of_another_owner(tmp_path: Path) -> None:
    """Another user's directory is refused, and both users are named."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 65_534, 65_534)

    with pytest.raises(InvalidConfig, match="belongs to nobody, and this runs as root"):
        state_directory.prepare(state)


@AS_ROOT
def test_secrets_of_another_owner(tmp_path: Path) -> None:
    """A key that another user owns could be read by that user."""
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    os.chown(key, 12_345, 12_345)

    assert "belongs to user 12345" in (state_directory.private_fault(key) or "")


def test_secrets_are_private(tmp_path: Path) -> None:
    """A secret is a regular file that only its owner can read."""
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    assert state_directory.private_fault(key) is None

    key.chmod(0o640)
    assert "chmod 600" in (state_directory.private_fault(key) or "")
    assert "not a regular file" in (state_directory.private_fault(tmp_path) or "")
    assert "No such file" in (state_directory.private_fault(tmp_path / "absent") or "")


def test_reading_is_bounded(tmp_path: Path) -> None:
    """A pipe does not make the reader wait, and a huge file is not read whole."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(b"x" * ((1 << 20) + 1))
    (tmp_path / "small").write_bytes(b"x")

    with pytest.raises(OSError, match="not a regular file"):
        state_directory.read_bounded(tmp_path / "pipe")
    with pytest.raises(OSError, match="larger than 1 MiB"):
        state_directory.read_bounded(tmp_path / "huge")
    assert state_directory.read_bounded(tmp_path / "small") == b"x"


def test_one_server_at_a_time(tmp_path: Path) -> None:
    """A second process is told which one holds the directory, and gets it when that one is gone."""
    probe = (
        "import sys; from pathlib import Path; from mailward.server import state_directory\n"
        "state_directory.Lock(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", probe, str(tmp_path)]

    with state_directory.Lock(tmp_path) as lock:
        refused = subprocess.run(command, check=False, capture_output=True, text=True)
        with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
            state_directory.Lock(tmp_path)
    lock.release()
    taken = subprocess.run(command, check=False, capture_output=True, text=True)

    assert f"StoreBusy: another mailward serves from {tmp_path} (process {os.getpid()})" in refused.stderr
    assert taken.returncode == 0, taken.stderr
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_the_lock_is_no_link(tmp_path: Path) -> None:
    """Somebody else's file is not opened, and so not overwritten, through a link."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="lock"):
        state_directory.Lock(tmp_path)

    assert (tmp_path / "victim").read_text() == "precious"
