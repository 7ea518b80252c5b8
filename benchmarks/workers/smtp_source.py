"""smtp-source, from Postfix: as many messages of one size as it sends in about so many seconds."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time

from benchmarks.program import SEARCH
from benchmarks.workers.send import RECIPIENTS, SENDER

_WARM = 1000  # messages by which the number is found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=["smtp-source"])
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    options = parser.parse_args()
    program = shutil.which("smtp-source", path=SEARCH) or "smtp-source"
    command = [program, "-d", "-s", str(options.connections), "-l", str(options.size), "-M", "localhost"]
    command += ["-f", SENDER, "-t", RECIPIENTS[0]]

    def send(count: int) -> tuple[float, float]:
        """Seconds and CPU, of the start of the program too."""
        start, before = time.perf_counter(), _cpu_of_children()
        subprocess.run([*command, "-m", str(count), f"127.0.0.1:{options.port}"], check=True, stdin=subprocess.DEVNULL)
        return time.perf_counter() - start, _cpu_of_children() - before

    count = max(options.connections, int(_WARM * options.seconds / send(_WARM)[0]))
    print("warm", flush=True)
    if not sys.stdin.readline():
        sys.exit("nobody is there to say go")
    seconds, cpu = send(count)
    print(json.dumps({"count": count, "seconds": seconds, "cpu": cpu}), flush=True)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
