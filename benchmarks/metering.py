"""The CPU that a program and all its descendants have used: a cgroup of their own, or /proc where that may not be."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

PROC = Path("/proc")
CPUACCT = Path("/sys/fs/cgroup/cpuacct")
_TICK = os.sysconf("SC_CLK_TCK")


class Meter(Protocol):
    """`wrapped` is the command to start; `watch` is told its process."""

    def wrapped(self, command: Sequence[str]) -> list[str]: ...

    def watch(self, pid: int) -> None: ...

    def cpu(self) -> float:
        """Seconds, user and system, of those that have ended too."""

    def members(self) -> list[int]:
        """The processes that are there now."""

    def close(self) -> None: ...


class CgroupMeter:
    """cgroup v1, controller cpuacct: nanoseconds, and no process can leave it."""

    def __init__(self) -> None:
        self._group = _our_group() / f"mailward-bench-{os.getpid()}-{secrets.token_hex(4)}"
        self._group.mkdir()
        self._processes = self._group / "cgroup.procs"

    def wrapped(self, command: Sequence[str]) -> list[str]:
        return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._processes), *command]

    def watch(self, pid: int) -> None:
        pass

    def cpu(self) -> float:
        return int((self._group / "cpuacct.usage").read_text()) / 1e9

    def members(self) -> list[int]:
        return [int(pid) for pid in self._processes.read_text().split()]

    def close(self) -> None:
        for _ in range(50):  # a process that has just ended may still be leaving
            try:
                return self._group.rmdir()
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self._group} is not empty: {self.members()}")


class _Process(NamedTuple):
    parent: int
    zombie: bool
    ticks: int


class ProcMeter:
    """/proc/PID/stat of the whole tree: hundredths of a second; children that ended count with whom waited for them."""

    def __init__(self) -> None:
        self._root = 0

    def wrapped(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def watch(self, pid: int) -> None:
        self._root = pid

    def cpu(self) -> float:
        processes = _processes()
        return sum(processes[pid].ticks for pid in self._tree(processes)) / _TICK

    def members(self) -> list[int]:
        processes = _processes()
        return [pid for pid in self._tree(processes) if not processes[pid].zombie]

    def close(self) -> None:
        pass

    def _tree(self, processes: dict[int, _Process]) -> Iterator[int]:
        front = {self._root} & processes.keys()
        while front:
            yield from front
            front = {pid for pid, process in processes.items() if process.parent in front}


def new_meter() -> Meter:
    return CgroupMeter() if cgroups_work() else ProcMeter()


def source() -> str:
    """What `new_meter` reads, in words."""
    return "cgroup cpuacct of all its processes" if cgroups_work() else "/proc/PID/stat of all its processes"


@cache
def cgroups_work() -> bool:
    try:
        CgroupMeter().close()
    except (OSError, LookupError):
        return False
    return True


def _our_group() -> Path:
    """LookupError where there is no such hierarchy."""
    for line in (PROC / "self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(",") and CPUACCT.is_dir():
            return CPUACCT / path.lstrip("/")
    raise LookupError("no cpuacct hierarchy")


def _processes() -> dict[int, _Process]:
    found = {}
    for directory in PROC.iterdir():
        if directory.name.isdigit():
            with suppress(OSError):  # it has just ended
                found[int(directory.name)] = _read(directory)
    return found


def _read(directory: Path) -> _Process:
    fields = (directory / "stat").read_text().rpartition(")")[2].split()  # from the third on (proc(5))
    return _Process(parent=int(fields[1]), zombie=fields[0] == "Z", ticks=sum(map(int, fields[11:15])))
