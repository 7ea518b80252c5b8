"""Durable accept: smtp-source against servers that say 250 when the message is on disk, and against one that does not.

Every round starts with servers that are new and empty. What they store stays until the end: ext4 is slow at making a
file soon after one was deleted, which would be charged to those that keep a file for each message.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.aiosmtpd import aiosmtpd, aiosmtpd_fsync
from benchmarks.peers.mailward import mailward
from benchmarks.peers.postfix import postfix
from benchmarks.peers.running import Running, Stored
from benchmarks.peers.sink import sink
from benchmarks.program import SEARCH
from benchmarks.results import Plan, Run
from benchmarks.rounds import Start, started, turned

PART = "server"
NEEDS = ("smtp-source",)
OURS, POSTFIX, SYNCED, NULL = "mailward", "postfix", "aiosmtpd-fsync", "aiosmtpd-null"
SINK = "smtp-sink-null"  # C that keeps nothing: what the generator can give on this machine
PEERS: dict[str, Start] = {OURS: mailward, POSTFIX: postfix, SYNCED: aiosmtpd_fsync, NULL: aiosmtpd, SINK: sink}
_MOST = 50_000  # messages in one run
_TELLING = 0.2  # of a run's time: what a first try must take to be a measure for it
_PATIENCE = 120.0  # seconds


class Case(NamedTuple):
    """`kept`: each session sends all its messages over one connection; else each message has a new one."""

    size: int
    sessions: int
    kept: bool

    def __str__(self) -> str:
        how = "kept" if self.kept else "new for each"
        return f"{self.size // 1024} KiB, {self.sessions} connection{'s' * (self.sessions > 1)}, {how}"


CASES = [Case(size, sessions, kept) for kept in (True, False) for size in (1024, 10_240) for sessions in (1, 20)]
QUICK = [Case(1024, 20, kept=True), Case(10_240, 1, kept=False)]
_WARM_UP = Case(1024, 20, kept=False)


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:
    """Round 0 only finds out how many messages fill the time."""
    peers = {name: start for name, start in PEERS.items() if name.partition("-")[0] not in absent}
    counts: dict[tuple[str, Case], int] = {}
    for number in range(plan.rounds + 1):
        with started(peers, folder / f"{PART}-{number}") as servers:
            for server in servers.values():
                _send(server, _WARM_UP, 2 * _WARM_UP.sessions)
            for case in QUICK if plan.quick else CASES:
                for name in turned(list(servers), number):
                    if number == 0:
                        counts[name, case] = _count(servers[name], case, plan.seconds)
                    else:
                        yield _measured(servers[name], name, case, counts[name, case], number)


def _count(server: Running, case: Case, seconds: float) -> int:
    count = 2 * case.sessions
    while (taken := _send(server, case, count)) < _TELLING * seconds and count < _MOST:
        count *= 4
    return max(2 * case.sessions, min(_MOST, int(count * seconds / taken)))


def _measured(server: Running, name: str, case: Case, count: int, number: int) -> Run:
    before = server.stored() if server.stored else None
    cpu = server.program.cpu()
    seconds = _send(server, case, count)
    cpu = server.program.cpu() - cpu
    stored = _checked(server, name, before, count=count, size=case.size)
    return Run(
        part=PART,
        subject=name,
        case=str(case),
        round=number,
        count=count,
        seconds=seconds,
        cpu=cpu,
        stored=stored,
    )


def _checked(server: Running, name: str, before: Stored | None, *, count: int, size: int) -> int | None:
    """Every message is on disk, whole; a server that loses one has no figures."""
    if server.stored is None or before is None:
        return None
    found = server.stored().since(before)
    if found.messages != count or found.octets < count * size:
        raise RuntimeError(f"{name} took {count} messages of {size} octets, and stored {found}")
    return found.messages


def _send(server: Running, case: Case, count: int) -> float:
    """Seconds until the last message is answered."""
    command = ["smtp-source", "-s", str(case.sessions), "-m", str(count), "-l", str(case.size)]
    command += ["-M", "localhost", "-f", "ann@example.com", "-t", "bob@example.net"]
    command += ["-d"] if case.kept else []
    command += [f"127.0.0.1:{server.port}"]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        executable=shutil.which(command[0], path=SEARCH),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    return seconds
