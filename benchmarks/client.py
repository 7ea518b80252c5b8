"""Clients: one kept connection, one message after the other, to servers that keep nothing and one that keeps all."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import loading
from benchmarks.peers import aiosmtpd, mailward
from benchmarks.peers.sink import sink
from benchmarks.results import Plan, Run
from benchmarks.rounds import Start, started, turned

PART = "client"
NEEDS = ("smtp-sink", "aiosmtpd")
OURS, OURS_ASYNC, SMTPLIB, AIOSMTPLIB = "mailward.Client", "mailward.AsyncClient", "smtplib", "aiosmtplib"
CLIENTS = (OURS, SMTPLIB, OURS_ASYNC, AIOSMTPLIB)
_CLEAR, _TLS, _TLS_PIPELINING = "smtp-sink", "aiosmtpd-tls", "mailward-tls"
_SERVERS: dict[str, Start] = {
    _CLEAR: sink,
    _TLS: aiosmtpd.aiosmtpd_tls,
    _TLS_PIPELINING: mailward.mailward_tls,
}
_SHOWN = {
    _CLEAR: "clear text",
    _TLS: "TLS (a server without PIPELINING)",
    _TLS_PIPELINING: "TLS (PIPELINING, durable)",
}


class Case(NamedTuple):
    size: int
    server: str

    def __str__(self) -> str:
        return f"{self.size // 1024} KiB, {_SHOWN[self.server]}"


CASES = [Case(size, server) for server in _SERVERS for size in (1024, 10_240)]
QUICK = [Case(1024, _CLEAR), Case(10_240, _TLS)]


def run(plan: Plan, folder: Path, absent: Container[str]) -> Iterator[Run]:
    clients = [name for name in CLIENTS if name not in absent]
    with started(_SERVERS, folder / PART) as servers:
        authorities = {
            _TLS: aiosmtpd.authority(folder / PART / _TLS),
            _TLS_PIPELINING: mailward.authority(folder / PART / _TLS_PIPELINING),
        }
        for number in range(1, plan.rounds + 1):
            for case in QUICK if plan.quick else CASES:
                port = servers[case.server].port
                target = (port, "--ca", authorities[case.server]) if case.server in authorities else (port,)
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
