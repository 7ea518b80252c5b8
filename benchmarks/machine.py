"""The facts of a machine without which a figure means nothing."""

from __future__ import annotations

import os
import platform
import ssl
import statistics
import subprocess
import time
from importlib import metadata
from pathlib import Path

from benchmarks.peers import postfix
from benchmarks.program import ROOT

_SYNCS = 100
BUSY = 0.5  # load average from which on the machine is not quiet


def facts(folder: Path) -> dict[str, str | int | float]:
    """`folder`: where the servers keep their mail."""
    return {
        "processor": _after("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(folder),
        "fsync_ms": round(_fsync(folder), 3),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "mailward": f"{metadata.version('mailward')} ({_commit()})",
        "postfix": postfix.version(),
        "aiosmtpd": _version("aiosmtpd"),
        "aiosmtplib": _version("aiosmtplib"),
    }


def _after(file: str, key: str) -> str:
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), platform.machine())


def _file_system(folder: Path) -> str:
    """Of the mount with the longest path above the folder (proc(5), mountinfo)."""
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    above = ((fields[4], fields[fields.index("-") + 1]) for fields in mounts if folder.is_relative_to(fields[4]))
    return max(above, key=lambda mount: len(mount[0]))[1]


def _fsync(folder: Path) -> float:
    """Milliseconds to add 4 KiB to a file and sync it; the median."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            start = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(git, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return "no git"
    return done.stdout.strip() or "no commit"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
