"""aiosmtpd: as it comes (it keeps nothing), behind TLS, and with a handler that keeps each message in a synced file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers.running import Running, files_in
from benchmarks.program import Program
from mailward.server import local_ca, state_directory


@contextmanager
def aiosmtpd(folder: Path) -> Iterator[Running]:
    with _serving(folder) as running:
        yield running


@contextmanager
def aiosmtpd_fsync(folder: Path) -> Iterator[Running]:
    store = folder / "store"
    store.mkdir()
    with _serving(folder, "--store", str(store)) as running:
        yield Running(running.program, running.port, lambda: files_in(store))


@contextmanager
def aiosmtpd_tls(folder: Path) -> Iterator[Running]:
    """TLS from the first octet; `authority(folder)` is what clients trust."""
    pki = folder / "pki"
    state_directory.prepare(pki)
    made = local_ca.ensure(pki, "localhost", datetime.now(UTC))
    with _serving(folder, "--certificate", str(made.certificate_file), "--key", str(made.key_file)) as running:
        yield running


def authority(folder: Path) -> Path:
    return folder / "pki" / "ca" / "ca.pem"


@contextmanager
def _serving(folder: Path, *arguments: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "benchmarks.workers.aiosmtpd_server", *arguments]
    with Program(command, log=folder / "log") as program:
        yield Running(program, int(program.said(r"port (\d+)")))
