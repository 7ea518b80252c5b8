"""`python -m benchmarks`: ours and the others side by side, on loopback, with processes of our own only."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from benchmarks import bulk, client, crowd, footprint, logins, machine, metering, missing, page, report, server
from benchmarks.results import Plan, Results, Run

PARTS = {part.PART: part for part in (server, client, bulk, crowd, footprint, logins)}
QUICK = Plan(rounds=1, seconds=0.1, quick=True)


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write_docs and (options.quick or options.part != "all"):
        parser.error("--write-docs wants the whole run: all parts, and no --quick")
    signal.signal(signal.SIGTERM, _leave)
    results = Results.decode(options.read.read_bytes()) if options.read else take(_plan(options), options.part)
    if options.write_docs and results.plan.quick:
        parser.error("--write-docs wants figures, and these are of a quick try")
    if options.out:
        options.out.write_bytes(results.encode())
    if options.write_docs:
        page.write(results)
    print(report.markdown(results))


def take(plan: Plan, part: str) -> Results:
    """Run everything; what was started is ended and what was stored is deleted, however this ends."""
    absent = missing.absent()
    with tempfile.TemporaryDirectory(prefix="mailward-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # Postfix's processes are not root's
        facts = machine.facts(folder)
        if float(facts["load_before"]) > machine.BUSY:
            _say(f"the machine is busy (load {facts['load_before']}): these will be no figures to go by")
        return Results(
            taken=datetime.now(UTC).isoformat(timespec="seconds"),
            plan=plan,
            machine=facts,
            cpu_from=metering.source(),
            absent=absent,
            runs=list(_runs(plan, folder, absent, list(PARTS) if part == "all" else [part])),
        )


def _runs(plan: Plan, folder: Path, absent: dict[str, str], parts: list[str]) -> Iterator[Run]:
    for name in parts:
        lacking = [each for each in PARTS[name].NEEDS if each in absent]
        if lacking:
            _say(f"{name}: left out, without {', '.join(lacking)}")
            continue
        for run in PARTS[name].run(plan, folder, absent):
            _say(f"{name} {run.round}/{plan.rounds}  {run.subject}, {run.case}: {run.rate:,.0f}/s {run.cost:.3f} ms")
            yield run


def _plan(options: argparse.Namespace) -> Plan:
    default = QUICK if options.quick else Plan()
    return Plan(
        rounds=options.rounds or default.rounds, seconds=options.seconds or default.seconds, quick=default.quick
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Mailward and its peers side by side. Servers store below $TMPDIR: let that be a real disk.",
    )
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rounds", type=_whole, help=f"how often everything is measured ({Plan().rounds})")
    parser.add_argument("--seconds", type=_seconds, help=f"how long one run takes ({Plan().seconds:g})")
    parser.add_argument("--quick", action="store_true", help="few cases, one short round: a try, no figures")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write every run as JSON")
    parser.add_argument("--from", type=Path, dest="read", metavar="FILE", help="run nothing: tables of an --out file")
    parser.add_argument("--write-docs", action="store_true", help=f"put the tables into {page.PAGE.name}")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 60 seconds")
    return value


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
