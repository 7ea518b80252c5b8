"""Clients: one kept connection, one message after the other, to a server that keeps nothing."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import loading
from benchmarks.peers.aiosmtpd import aiosmtpd_tls, authority
from benchmarks.peers.sink import sink
from benchmarks.results import Plan, Run
from benchmarks.rounds import Start, started, turned

PART = "client"
NEEDS = ("smtp-sink", "aiosmtpd")
OURS, OURS_ASYNC, SMTPLIB, AIOSMTPLIB = "mailward.Client", "mailward.AsyncClient", "smtplib", "aiosmtplib"
CLIENTS = (OURS, SMTPLIB, OURS_ASYNC, AIOSMTPLIB)
_CLEAR, _TLS = "smtp-sink", "aiosmtpd-tls"
_SERVERS: dict[str, Start] = {_CLEAR: sink, _TLS: aiosmtpd_tls}


class Case(NamedTuple):
    size: int
    tls: bool

    def __str__(self) -> str:
        return f"{self.size // 1024} KiB, {'TLS' if self.tls else 'clear text'}"


CASES = [Case(size, tls) for tls in (False, True) for size in (1024, 10_240)]
QUICK = [Case(1024, tls=False), Case(10_240, tls=True)]


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:
    clients = [name for name in CLIENTS if name not in absent]
    with started(_SERVERS, folder / PART) as servers:
        secure = (servers[_TLS].port, "--ca", authority(folder / PART / _TLS))
        for number in range(1, plan.rounds + 1):
            for case in QUICK if plan.quick else CASES:
                target = secure if case.tls else (servers[_CLEAR].port,)
                for client in turned(clients, number):
                    yield _measured(client, case, number, plan.seconds, target)


def _measured(client: str, case: Case, number: int, seconds: float, target: tuple[object, ...]) -> Run:
    with loading("send", client, case.size, seconds, *target) as load:
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
