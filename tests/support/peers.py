"""The real programs of other projects that tests meet, as scripts/peers.txt lists them."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LIST = ROOT / "scripts" / "peers.txt"
UNPACKED = ROOT / ".cache" / "peers"
SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class Peer(NamedTuple):
    """One line of the list; `check` is a command, perl:Module, or unpacked:FILE."""

    name: str
    package: str
    check: str


@cache
def peers() -> dict[str, Peer]:
    """Every known peer, by name."""
    lines = (line.split() for line in LIST.read_text().splitlines())
    return {fields[0]: Peer(*fields) for fields in lines if fields and not fields[0].startswith("#")}


def peer(name: str) -> Path:
    """The program of this name. Where it is missing, the test fails in CI and is skipped, by name, elsewhere."""
    found = _find(peers()[name])
    if found is not None:
        return found
    reason = f"peer {name} is missing: apt-get install {peers()[name].package} (or make peers)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def _find(wanted: Peer) -> Path | None:
    command, _, module = wanted.check.partition(":")
    if command == "unpacked":
        file = UNPACKED / wanted.name / module
        return file if file.exists() else None
    program = shutil.which(command, path=SEARCH)
    if program is None:
        return None
    if module and subprocess.run([program, f"-M{module}", "-e", "1"], check=False, capture_output=True).returncode:
        return None
    return Path(program)
