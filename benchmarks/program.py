"""A program that is measured: started, waited for, and ended with everything it started."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from benchmarks.metering import new_meter

ROOT = Path(__file__).parents[1]
SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_PATIENCE = 20.0  # seconds, to come up and to go down
_SETTLING = 0.1  # seconds for what is still done after the last reply
_PORTS = range(20_000, 32_000)  # below those the system gives to clients
_Look = Callable[[], str | None]


class Program:
    """`with Program(command, log=file) as program:`; what it writes goes to `log`."""

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        self._command = command
        self._log = log
        self._meter = new_meter()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._meter.wrapped(self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=os.environ | {"PATH": SEARCH},
                start_new_session=True,  # a ctrl-c is for us; we end it in order
            )
        self._meter.watch(self._process.pid)
        return self

    def __exit__(self, *_exc: object) -> None:
        members = self.members()
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                members = self._end(members, number)
        finally:
            self._meter.close()

    def cpu(self) -> float:
        """Seconds so far, when it has come to rest."""
        time.sleep(_SETTLING)
        return self._meter.cpu()

    def members(self) -> list[int]:
        """Its processes."""
        return self._meter.members()

    def said(self, pattern: str) -> str:
        """Waits for a line that matches as a whole; gives its first group."""
        return self._wait(lambda: _search(pattern, self._log), f"it never said {pattern!r}")

    def greets(self, port: int) -> None:
        """Waits until it takes connections there."""
        self._wait(lambda: _greeting(port), f"port {port} does not greet")

    def _wait(self, look: _Look, complaint: str) -> str:
        end = time.monotonic() + _PATIENCE
        while (found := look()) is None:
            code = self._process.poll() if self._process is not None else None
            if code is not None or time.monotonic() > end:
                how = f"it ended with {code}" if code is not None else complaint
                raise RuntimeError(f"{' '.join(self._command)}: {how}\n{self._log.read_text(errors='replace')}")
            time.sleep(0.02)
        return found

    def _end(self, members: list[int], number: signal.Signals) -> list[int]:
        """Those that are left when the time is over."""
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + _PATIENCE
        while (left := [pid for pid in members if self._lives(pid)]) and time.monotonic() < end:
            time.sleep(0.02)
        return sorted({*left, *self.members()})

    def _lives(self, pid: int) -> bool:
        if self._process is not None and pid == self._process.pid:
            return self._process.poll() is None
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"


def free_port() -> int:
    """For the programs that cannot tell which port they were given."""
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


def _search(pattern: str, log: Path) -> str | None:
    match = re.search(rf"^{pattern}$", log.read_text(errors="replace"), re.MULTILINE)
    return match[1] if match else None


def _greeting(port: int) -> str | None:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            greeting = connection.recv(1000)
            connection.sendall(b"QUIT\r\n")
    except OSError:
        return None
    return greeting.decode("ascii", "replace") if greeting.startswith(b"220") else None
