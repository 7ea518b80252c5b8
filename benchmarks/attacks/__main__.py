"""`python -m benchmarks.attacks`: the scenarios against four defences, from one seed."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import msgspec

from benchmarks.attacks.refusals import measure
from benchmarks.attacks.simulate import simulate
from benchmarks.attacks.table import markdown


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed gives another day (1)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--refusals", action="store_true", help="only how many logins a second of CPU are refused")
    options = parser.parse_args(arguments)
    if options.refusals:
        for each in measure():
            print(f"{each.case}: {each.per_second:,.0f} refusals a CPU-second ({each.least:,.0f} to {each.most:,.0f})")
        return
    figures = simulate(options.seed)
    if options.json:
        print(msgspec.json.encode([asdict(each) for each in figures]).decode())
    else:
        print(markdown(figures), end="")


if __name__ == "__main__":
    main()
