"""nodemailer in this process's place: it sends messages of one size over so many connections, for so many seconds."""

from __future__ import annotations

import argparse
import base64
import os

from benchmarks.missing import NODEMAILER
from benchmarks.program import ROOT
from benchmarks.workers.send import message


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=["nodemailer"])
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    options = parser.parse_args()
    script = str(ROOT / "benchmarks" / "workers" / "nodemailer.js")
    content = base64.b64encode(message(options.size)).decode()
    rest = map(str, (options.seconds, options.port, options.connections))
    os.execvp("node", ["node", script, str(NODEMAILER), content, *rest])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
