"""smtp-sink, from Postfix: takes mail and throws it away. It is C and quick, so that the client is what is measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.running import Running
from benchmarks.program import Program, free_port


@contextmanager
def sink(folder: Path) -> Iterator[Running]:
    port = free_port()
    not_as_root = ["-u", "nobody"] if os.geteuid() == 0 else []
    with Program(["smtp-sink", *not_as_root, f"127.0.0.1:{port}", "256"], log=folder / "log") as program:
        program.greets(port)
        yield Running(program, port)
