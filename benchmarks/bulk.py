"""Many messages over one connection, near and 20 ms away, to a server with CHUNKING and one with PIPELINING alone."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import loading
from benchmarks.program import Program
from benchmarks.results import Plan, Run
from benchmarks.rounds import turned
from benchmarks.workers.send_many import ASYNC_CLIENT, CLIENT

PART = "bulk"
NEEDS: tuple[str, ...] = ()
OURS, OURS_ASYNC, SMTPLIB, AIOSMTPLIB = CLIENT, ASYNC_CLIENT, "smtplib", "aiosmtplib"
NODEMAILER = "nodemailer"
CLIENTS = (OURS, SMTPLIB, OURS_ASYNC, AIOSMTPLIB, NODEMAILER)
_ROUND_TRIP = 20  # milliseconds
_SLOWEST = 3.0  # seconds at the least for a case in which a message may take 90 ms


class Case(NamedTuple):
    chunking: bool
    distant: bool

    def __str__(self) -> str:
        offered = "CHUNKING" if self.chunking else "PIPELINING alone"
        return f"1 KiB, {offered}, {f'{_ROUND_TRIP} ms away' if self.distant else 'loopback'}"


CASES = [Case(chunking, distant) for chunking in (True, False) for distant in (False, True)]
QUICK = [Case(chunking=True, distant=False), Case(chunking=False, distant=True)]


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:
    clients = [name for name in CLIENTS if name not in absent]
    (folder / PART).mkdir()
    with _servers(folder / PART) as ports:
        for number in range(1, plan.rounds + 1):
            for case in QUICK if plan.quick else CASES:
                for client in turned(clients, number):
                    yield _measured(client, case, number, plan, ports[case])


def _measured(client: str, case: Case, number: int, plan: Plan, port: int) -> Run:
    seconds = max(plan.seconds, _SLOWEST) if case.distant and not plan.quick else plan.seconds
    module = "nodemailer" if client == NODEMAILER else "send_many"
    with loading(module, client, 1024, seconds, port) as load:
        found = load.go()
    return Run(
        part=PART,
        subject=client,
        case=str(case),
        round=number,
        count=found.count,
        seconds=found.seconds,
        cpu=found.cpu,
    )


@contextmanager
def _servers(folder: Path) -> Iterator[dict[Case, int]]:
    """Sinks of our own, and a line to each that takes its time."""
    with (
        worker("sink", folder / "chunking") as chunking,
        worker("sink", folder / "plain", "--no-chunking") as plain,
        worker("line", folder / "to-chunking", chunking, _ROUND_TRIP) as to_chunking,
        worker("line", folder / "to-plain", plain, _ROUND_TRIP) as to_plain,
    ):
        yield {
            Case(chunking=True, distant=False): chunking,
            Case(chunking=True, distant=True): to_chunking,
            Case(chunking=False, distant=False): plain,
            Case(chunking=False, distant=True): to_plain,
        }


@contextmanager
def worker(name: str, log: Path, *arguments: object) -> Iterator[int]:
    command = [sys.executable, "-m", f"benchmarks.workers.{name}", *map(str, arguments)]
    with Program(command, log=log) as program:
        yield int(program.said("port ([0-9]+)"))
