"""`python -m tests.support.measured_client FACE TIMEOUT CA WARM-UP… -- SERVER…`: what hostile servers cost a client.

A process of its own, so that its memory is the client's alone: the servers of the warm-up are met first, and what grows
after that is counted. It prints, for each server in turn, what it made grow at the peak, in KiB; the seconds; the end.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from mailward import MailwardError
from tests.support.sending import LOGIN, Face

_PROC = Path("/proc/self")


def meet(face: Face, url: str, timeout: float, ca: str) -> tuple[float, str]:
    """Seconds, and the name of what came of it; `URL PROXY` goes through a proxy."""
    url, _, proxy = url.partition(" ")
    begun = time.monotonic()
    try:
        end = str(face.send(url, auth=LOGIN, timeout=timeout, ca=ca, proxy=proxy or None).outcome)
    except MailwardError as error:
        end = type(error).__name__
    return time.monotonic() - begun, end


def resident(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", (_PROC / "status").read_text())
    assert found
    return int(found[1])


def measured(face: Face, url: str, timeout: float, ca: str) -> dict[str, object]:
    (_PROC / "clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    seconds, end = meet(face, url, timeout, ca)
    return {"grown": resident("VmHWM") - before, "seconds": seconds, "end": end}


def main() -> None:
    name, timeout, ca, *urls = sys.argv[1:]
    between = urls.index("--")
    face = Face(name)
    for url in urls[:between]:
        meet(face, url, float(timeout), ca)
    told = [measured(face, url, float(timeout), ca) for url in urls[between + 1 :]]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
