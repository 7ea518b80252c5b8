"""`python -m benchmarks.comparison`: run every client against every case, and write docs/comparison.md."""

from __future__ import annotations

import sys

from benchmarks.comparison.cases import CASES, Case
from benchmarks.comparison.run import ROOT, Peer, peers, verdict

PAGE = ROOT / "docs" / "comparison.md"
_HEAD = """# What clients do with a hostile server

`python -m benchmarks.comparison` wrote this page: it runs each client as its own documentation uses it, against one
server on loopback that misbehaves in one way for each row, and judges by what that server heard and what the caller was
told. `scripts/nodemailer.sh` fetches nodemailer first. smtplib is used with `starttls()`; without it, it sends in clear
text whatever the server says.

"""


def main() -> int:
    found = peers()
    rows = []
    for case in CASES:
        verdicts = [verdict(peer, case) for peer in found]
        print(case.name, verdicts, flush=True)
        rows.append((case, verdicts))
    PAGE.write_text(_HEAD + _table(found, rows))
    wrong = [case.name for case, verdicts in rows if any(verdicts[-2:])]
    return 1 if wrong else 0


def _table(found: tuple[Peer, ...], rows: list[tuple[Case, list[str]]]) -> str:
    head = ["The server …", "Right is …", *(f"{peer.name} {peer.version}" for peer in found)]
    lines = [head, ["---"] * len(head)]
    for case, verdicts in rows:
        lines.append([case.name, case.right, *(f"✘ {wrong}" if wrong else "✔" for wrong in verdicts)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
