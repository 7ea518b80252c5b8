"""One client against one script: a process of its own, with the task on its standard input."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from benchmarks.comparison.cases import USER, Case, Seen, Told
from benchmarks.missing import NODEMAILER
from tests.support.certificates import authority
from tests.support.hostile import hostile_server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """`command`: what runs it."""

    name: str
    version: str
    command: tuple[str, ...]


def peers() -> tuple[Peer, ...]:
    """Those that are here, ours last."""
    python = sys.version.split()[0]
    found = [_python("smtplib", f"Python {python}", "smtplib_client"), _python("aiosmtplib", version("aiosmtplib"))]
    if (NODEMAILER / "package.json").exists():
        said = json.loads((NODEMAILER / "package.json").read_text())["version"]
        script = str(HERE / "clients" / "nodemailer_client.js")
        found.append(Peer("nodemailer", said, ("node", script, str(NODEMAILER))))
    return (*found, *ours())


def ours() -> tuple[Peer, ...]:
    """Both drivers."""
    return (
        _python("mailward, sync", version("mailward"), "mailward_client", "sync"),
        _python("mailward, async", version("mailward"), "mailward_client", "async"),
    )


def _python(name: str, told: str, module: str = "aiosmtplib_client", *arguments: str) -> Peer:
    return Peer(name, told, (sys.executable, str(HERE / "clients" / f"{module}.py"), *arguments))


def verdict(peer: Peer, case: Case) -> str:
    """ "" where it did right, else what was wrong."""
    runs = []
    for script in case.scripts():
        with hostile_server(script) as server:
            runs.append(Seen(server, _run(peer, case, server.port, server.connections)))
    return case.judge(runs)


def _run(peer: Peer, case: Case, port: int, connections: Sequence[object]) -> Told:
    task = {
        "host": "localhost",
        "port": port,
        "user": USER,
        "password": case.password,
        "ca": str(_ca()),
        "sender": USER,
        "recipients": case.recipients,
        "content": base64.b64encode(case.content).decode(),
        "timeout": case.timeout,
        "debug": case.debug,
    }
    with subprocess.Popen(peer.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task).encode())
        process.stdin.close()
        end = time.monotonic() + _LONGEST
        while not connections and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        began = time.monotonic()
        data = process.stdout.read()
        seconds = time.monotonic() - began
    told = json.loads(data)
    told["refused"] = tuple(told.get("refused", ()))
    return Told(**told, seconds=seconds)


@cache
def _ca() -> Path:
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(authority().pem)
    return Path(file.name)
