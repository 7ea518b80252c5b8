"""Logins and refusals of our server, for reference: each login is a new TLS connection; the refusals share theirs."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from benchmarks.load import loading, work
from benchmarks.peers.mailward import ACCOUNT, PASSWORD, authority, events, mailward_with_account
from benchmarks.peers.running import Running
from benchmarks.results import Plan, Run
from benchmarks.rounds import started, turned
from benchmarks.workers.log_in import LOADS, THREADS

PART = "logins"
NEEDS = ()
_SERVER = "mailward"
_RECORDED = {
    "SCRAM-SHA-256-PLUS": "login.succeeded",
    "PLAIN": "login.succeeded",
    "refused, source banned": "login.refused",
}


def run(plan: Plan, folder: Path, _absent: Container[str]) -> Iterator[Run]:
    place = folder / PART
    with started({_SERVER: mailward_with_account}, place) as servers:
        server = servers[_SERVER]
        target = (server.port, "--ca", authority(place / _SERVER), "--user", ACCOUNT, "--password", PASSWORD)
        work("log_in", "get banned", 0, *target)
        for number in range(1, plan.rounds + 1):
            for kind in turned(list(LOADS), number):
                yield _measured(server, place / _SERVER, kind, number, (plan.seconds, *target))


def _measured(server: Running, folder: Path, kind: str, number: int, arguments: tuple[object, ...]) -> Run:
    """The CPU is the server's; each login must be an event in its database."""
    recorded = _RECORDED.get(kind)
    with loading("log_in", kind, *arguments) as load:
        cpu = server.program.cpu()
        before = events(folder, recorded) if recorded else 0
        found = load.go()
    cpu = server.program.cpu() - cpu
    stored = events(folder, recorded) - before if recorded else None
    if stored not in (None, found.count):
        raise RuntimeError(f"{kind}: {found.count} logins, and {stored} events")
    return Run(
        part=PART,
        subject=kind,
        case=f"{THREADS} clients",
        round=number,
        count=found.count,
        seconds=found.seconds,
        cpu=cpu,
        stored=stored,
    )
