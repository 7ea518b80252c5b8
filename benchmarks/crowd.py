"""Many messages over 20 connections, ours beside smtp-source and nodemailer, to smtp-sink and to a sink of our own."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from benchmarks.bulk import NODEMAILER, OURS, OURS_ASYNC, worker
from benchmarks.load import loading
from benchmarks.peers.sink import sink
from benchmarks.results import Plan, Run
from benchmarks.rounds import turned

PART = "crowd"
NEEDS = ("smtp-sink", "smtp-source")
SOURCE = "smtp-source"
CLIENTS = (OURS, OURS_ASYNC, SOURCE, NODEMAILER)
CONNECTIONS = 20
_MODULES = {OURS: "send_many", OURS_ASYNC: "send_many", SOURCE: "smtp_source", NODEMAILER: "nodemailer"}
_CHUNKING, _SINK = (
    f"1 KiB, {CONNECTIONS} connections, {offered}" for offered in ("CHUNKING", "smtp-sink (no CHUNKING)")
)
CASES = [_SINK, _CHUNKING]
QUICK = [_SINK]


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:
    clients = [name for name in CLIENTS if name not in absent]
    place = folder / PART
    (place / "sink").mkdir(parents=True, mode=0o755)
    with sink(place / "sink") as plain, worker("sink", place / "chunking") as chunking:
        ports = {_SINK: plain.port, _CHUNKING: chunking}
        for number in range(1, plan.rounds + 1):
            for case in QUICK if plan.quick else CASES:
                for client in turned(clients, number):
                    yield _measured(client, case, number, plan.seconds, ports[case])


def _measured(client: str, case: str, number: int, seconds: float, port: int) -> Run:
    with loading(_MODULES[client], client, 1024, seconds, port, "--connections", CONNECTIONS) as load:
        found = load.go()
    return Run(
        part=PART, subject=client, case=case, round=number, count=found.count, seconds=found.seconds, cpu=found.cpu
    )
