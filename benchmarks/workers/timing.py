"""How long something took and what CPU this process used for it, measured when whoever started it says so."""

from __future__ import annotations

import json
import sys
import time


class Watch:
    """Made when everything is warm; says so, and runs from the answer on. `going` until its time is over."""

    def __init__(self, seconds: float) -> None:
        print("warm", flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody is there to say go")
        self._cpu = time.process_time()
        self._start = time.perf_counter()
        self._end = self._start + seconds

    @property
    def going(self) -> bool:
        return time.perf_counter() < self._end

    def stop(self, count: int) -> None:
        """Prints what was measured."""
        seconds, cpu = time.perf_counter() - self._start, time.process_time() - self._cpu
        print(json.dumps({"count": count, "seconds": seconds, "cpu": cpu}), flush=True)
