"""What a large attachment takes of memory, and how long it takes to start: importing it, and the command's help."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Container, Iterator
from pathlib import Path

from benchmarks.bulk import worker
from benchmarks.load import loading
from benchmarks.program import ROOT
from benchmarks.results import Plan, Run

PART = "footprint"
NEEDS: tuple[str, ...] = ()
SUBJECT = "mailward"
_LARGE, _LARGE_QUICK = 1024, 64  # MiB
_STARTS = {
    "python, and nothing else": ("-c", "pass"),
    "import smtplib": ("-c", "import smtplib"),
    "import mailward": ("-c", "import mailward"),
    "mailward --help": ("-m", "mailward", "--help"),
}


def cases(plan: Plan) -> list[str]:
    return [_attachment(plan), *_STARTS]


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:  # noqa: ARG001
    (folder / PART).mkdir()
    with worker("sink", folder / PART / "chunking") as port:
        for number in range(1, plan.rounds + 1):
            yield _sent(plan, number, port)
            for case, arguments in _STARTS.items():
                yield _started(case, arguments, number)


def _attachment(plan: Plan) -> str:
    return f"a message with {_LARGE_QUICK if plan.quick else _LARGE} MiB attached, to a sink with CHUNKING"


def _sent(plan: Plan, number: int, port: int) -> Run:
    with loading("attachment", _LARGE_QUICK if plan.quick else _LARGE, port) as load:
        found = load.go()
    return Run(
        part=PART,
        subject=SUBJECT,
        case=_attachment(plan),
        round=number,
        count=1,
        seconds=found.seconds,
        cpu=found.cpu,
        grown=found.grown,
    )


def _started(case: str, arguments: tuple[str, ...], number: int) -> Run:
    """From the start of Python to its end."""
    start, before = time.perf_counter(), _cpu_of_children()
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    seconds, cpu = time.perf_counter() - start, _cpu_of_children() - before
    return Run(part=PART, subject=SUBJECT, case=case, round=number, count=1, seconds=seconds, cpu=cpu)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
