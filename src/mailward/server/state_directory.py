"""The directory everything durable lives in: ours alone, mode 0700, served by one process at a time."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from mailward.errors import InvalidConfig, StoreBusy

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
MOST_OCTETS = 1 << 20


def default_path() -> Path:
    """`$XDG_STATE_HOME/mailward` or `~/.local/state/mailward`."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "mailward"


def prepare(path: Path) -> None:
    """Make the directory if it is not there (0700), then `verify` it. Raises InvalidConfig for key `state`."""
    try:
        for missing in [path, *path.parents][::-1]:
            if not missing.exists():
                missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _refuse(path, f"cannot be made: {error.strerror}") from error
    verify(path)


def verify(path: Path) -> None:
    """Refuse a state directory that another user owns, can write to, or could put another one in place of."""
    try:
        status = path.lstat()
    except OSError as error:
        raise _refuse(path, f"cannot be opened: {error.strerror}") from error
    if stat.S_ISLNK(status.st_mode):
        raise _refuse(path, f"is a symbolic link; write where it leads, {path.resolve()}")
    if not stat.S_ISDIR(status.st_mode):
        raise _refuse(path, "is not a directory")
    if status.st_uid != os.geteuid():
        owner, me = _user(status.st_uid), _user(os.geteuid())
        raise _refuse(path, f"belongs to {owner}, and this runs as {me}; run it as {owner}, or name another directory")
    if status.st_mode & _OTHERS_WRITE:
        raise _refuse(path, f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o}); chmod 700 {path}")
    for parent in {*path.absolute().parents, *path.resolve().parents}:
        if _replaceable(parent.stat()):
            raise _refuse(path, f"could be replaced by others, who can write to {parent}; chmod go-w {parent}")


def private_fault(path: Path) -> str | None:
    """Why `path` cannot be trusted to hold a secret, or None: it must be a regular file for our eyes only."""
    try:
        status = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a regular file"
    if status.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to {_user(status.st_uid)}; it must belong to {_user(os.geteuid())}"
    if status.st_mode & _OTHERS:
        return f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 {path}"
    return None


def read_bounded(path: Path) -> bytes:
    """The octets of a regular file, at most 1 MiB; never waits on a pipe or a device. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that the checks are of what is read
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        content = file.read(MOST_OCTETS + 1)
    if len(content) > MOST_OCTETS:
        raise OSError(0, "larger than 1 MiB")
    return content


class Lock:
    """Held by the one process that serves from a state directory; released when it ends, however it ends."""

    def __init__(self, state: Path) -> None:
        """Raises StoreBusy, naming the process that holds it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(state / "lock", flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreBusy(
                f"another mailward serves from {state} (process {holder})",
                phase="start",
                advice="stop that one first, or give this one another `state` directory",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process serve. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _replaceable(parent: os.stat_result) -> bool:
    """Whether others can rename what is in a directory: it is theirs to write, and not sticky like /tmp."""
    if parent.st_mode & stat.S_ISVTX:
        return False
    group_is_others = parent.st_gid not in (0, os.geteuid())  # a user's own group has the user's number
    return bool(parent.st_mode & stat.S_IWOTH or (parent.st_mode & stat.S_IWGRP and group_is_others))


def _refuse(path: Path, why: str) -> InvalidConfig:
    return InvalidConfig(f"the state directory {path} {why}", key="state")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
