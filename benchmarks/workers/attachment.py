"""Sends one message with a file of so many MiB attached, and tells what memory that took at the peak."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.workers.send import RECIPIENTS, SENDER

_PROC = Path("/proc/self")


def main() -> None:
    from mailward import INSECURE_PLAINTEXT, Client, Message  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mebibytes", type=int)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Client("127.0.0.1", options.port, tls=INSECURE_PLAINTEXT) as client:
        file = Path(folder, "large.bin")
        with file.open("wb") as large:
            large.truncate(options.mebibytes * 2**20)  # a hole: it is read like any other, and fills no disk
        client.send(Message(from_=SENDER, to=RECIPIENTS, text="small"))
        print("warm", flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody is there to say go")
        (_PROC / "clear_refs").write_text("5")  # the peak begins anew
        before, start, cpu = _kib("VmRSS"), time.perf_counter(), time.process_time()
        message = Message(from_=SENDER, to=RECIPIENTS, text="large")
        message.attach(file)
        assert client.send(message).ok
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        grown = 1024 * max(0, _kib("VmHWM") - before)
    print(json.dumps({"count": 1, "seconds": seconds, "cpu": cpu, "grown": grown}), flush=True)


def _kib(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", (_PROC / "status").read_text())
    assert found
    return int(found[1])


if __name__ == "__main__":
    main()
