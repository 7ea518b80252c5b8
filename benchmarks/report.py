"""Tables of results, in Markdown: medians over the rounds, and ratios taken within each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks import bulk, client, crowd, footprint, logins, server
from benchmarks.machine import BUSY
from benchmarks.results import Results, Run
from benchmarks.workers.log_in import LOADS

_SERVER_PAIRS = [
    (server.OURS, server.POSTFIX),
    (server.OURS, server.SYNCED),
    (server.OURS, server.NULL),
    (server.OURS, server.SINK),
]
_CLIENT_PAIRS = [
    (client.OURS, client.SMTPLIB),
    (client.OURS_ASYNC, client.AIOSMTPLIB),
    (client.OURS_ASYNC, client.SMTPLIB),
]
_BULK_PAIRS = [
    (bulk.OURS, bulk.SMTPLIB),
    (bulk.OURS_ASYNC, bulk.SMTPLIB),
    (bulk.OURS_ASYNC, bulk.AIOSMTPLIB),
    (bulk.OURS_ASYNC, bulk.NODEMAILER),
]
_CROWD_PAIRS = [
    (bulk.OURS, crowd.SOURCE),
    (bulk.OURS_ASYNC, crowd.SOURCE),
    (bulk.OURS, bulk.NODEMAILER),
    (bulk.OURS_ASYNC, bulk.NODEMAILER),
]
_Value = Callable[[Run], float]


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [_machine(results)]
    if runs := results.of(server.PART):
        parts += ["### Server: durable accept", *_side_by_side(runs, _SERVER_PAIRS)]
    if runs := results.of(client.PART):
        parts += ["### Client: one kept connection", *_side_by_side(runs, _CLIENT_PAIRS)]
    if runs := results.of(bulk.PART):
        parts += ["### Bulk: many messages over one connection", *_side_by_side(runs, _BULK_PAIRS)]
    if runs := results.of(crowd.PART):
        parts += [f"### Bulk: many messages over {crowd.CONNECTIONS} connections", *_side_by_side(runs, _CROWD_PAIRS)]
    if runs := results.of(footprint.PART):
        parts += ["### Memory, and time to start", _footprint(runs)]
    if runs := results.of(logins.PART):
        parts += ["### Logins", _logins(runs)]
    return "\n\n".join(parts) + "\n"


def _machine(results: Results) -> str:
    plan, machine = results.plan, results.machine
    lines = [
        f"Taken {results.taken}: {plan.rounds} × {plan.seconds:g} s for each figure; CPU from {results.cpu_from}.",
        "",
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in machine.items() if value != ""),
        *(f"- left out: {name} ({reason})" for name, reason in results.absent.items()),
    ]
    if plan.quick or float(machine.get("load_before", 0)) > BUSY:
        why = "a quick try of the mechanics" if plan.quick else "the machine was busy"
        lines += ["", f"**These are no figures to go by: {why}.**"]
    return "\n".join(lines)


def _side_by_side(runs: Sequence[Run], pairs: Iterable[tuple[str, str]]) -> list[str]:
    subjects = _seen(run.subject for run in runs)
    there = [pair for pair in pairs if set(pair) <= set(subjects)]
    tables = [
        "Messages a second, median (least–most):",
        _table(["", *subjects], [[case, *_cells(runs, case, subjects, _rate)] for case in _cases(runs)]),
        "CPU milliseconds a message, median (least–most):",
        _table(["", *subjects], [[case, *_cells(runs, case, subjects, _cost)] for case in _cases(runs)]),
    ]
    if there:
        head = ["", *(f"{ours} : {theirs}" for ours, theirs in there)]
        tables += [
            "How many times the messages a second, and (in brackets) which part of the CPU a message:",
            _table(head, [[case, *(_ratio(runs, case, *pair) for pair in there)] for case in _cases(runs)]),
        ]
    return tables


def _logins(runs: Sequence[Run]) -> str:
    rows = []
    for kind in _seen(run.subject for run in runs):
        of_kind = [run for run in runs if run.subject == kind]
        a_cpu_second = statistics.median(1000 / run.cost for run in of_kind)
        rows.append(
            [kind, _spread(map(_rate, of_kind), _whole), _spread(map(_cost, of_kind), _fine), _whole(a_cpu_second)]
        )
    return _table(["", "a second", "server CPU-ms each", "in a CPU second of the server"], rows)


def _footprint(runs: Sequence[Run]) -> str:
    rows = []
    for case in _cases(runs):
        of_case = [run for run in runs if run.case == case]
        grown = [run.grown / 2**20 for run in of_case if run.grown is not None]
        milliseconds = _spread((1000 * run.seconds for run in of_case), _whole)
        rows.append([case, milliseconds, _spread(grown, _whole)])
    return _table(["", "ms", "MiB more of memory at the peak"], rows)


def _ratio(runs: Sequence[Run], case: str, ours: str, theirs: str) -> str:
    mine, others = _by_round(runs, case, ours), _by_round(runs, case, theirs)
    both = mine.keys() & others.keys()
    if not both:
        return ""
    rate = statistics.median(mine[number].rate / others[number].rate for number in both)
    cost = statistics.median(mine[number].cost / others[number].cost for number in both)
    return f"{rate:.2f}× ({cost:.2f})"


def _cells(runs: Sequence[Run], case: str, subjects: Sequence[str], value: _Value) -> list[str]:
    show = _whole if value is _rate else _fine
    return [_spread(map(value, _by_round(runs, case, subject).values()), show) for subject in subjects]


def _spread(values: Iterable[float], show: Callable[[float], str]) -> str:
    found = sorted(values)
    return f"{show(statistics.median(found))} ({show(found[0])}–{show(found[-1])})" if found else ""


def _by_round(runs: Sequence[Run], case: str, subject: str) -> dict[int, Run]:
    return {run.round: run for run in runs if (run.case, run.subject) == (case, subject)}


def _cases(runs: Sequence[Run]) -> list[str]:
    return _seen(run.case for run in runs)


def _seen(names: Iterable[str]) -> list[str]:
    """Each once, in a steady order."""
    order = [*server.PEERS, *client.CLIENTS, *bulk.CLIENTS, *crowd.CLIENTS, *LOADS]
    found = list(dict.fromkeys(names))
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rate(run: Run) -> float:
    return run.rate


def _cost(run: Run) -> float:
    return run.cost


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _fine(value: float) -> str:
    return f"{value:.3f}"
