"""`mailward serve`, as installed: its sandbox keeps everything, so this is accepting durably and no more."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.peers.running import Running, Stored
from benchmarks.program import Program, free_port

ACCOUNT, PASSWORD = "ann@example.test", "quiet otters row at nine"  # of nobody


@contextmanager
def mailward(folder: Path) -> Iterator[Running]:
    """Anyone on loopback may send, in clear text and without a login, as smtp-source does."""
    with serving(folder, "insecure-plaintext", relay_without_login=["127.0.0.0/8"]) as running:
        yield running


@contextmanager
def mailward_tls(folder: Path) -> Iterator[Running]:
    """The same inside TLS from the first octet."""
    with serving(folder, "implicit", relay_without_login=["127.0.0.0/8"]) as running:
        yield running


@contextmanager
def mailward_with_account(folder: Path) -> Iterator[Running]:
    """One account behind implicit TLS, and a guard that answers at once: delays would only be waited for."""
    with serving(
        folder,
        "implicit",
        guard="delay_first = 0.0\nfailures_per_connection = 1000000",
        limits="connections_per_network = 1000",
        account=True,
    ) as running:
        yield running


@contextmanager
def serving(
    folder: Path,
    tls: str,
    *,
    relay_without_login: list[str] | None = None,
    guard: str = "",
    limits: str = "",
    account: bool = False,
) -> Iterator[Running]:
    state, file, port = folder / "state", folder / "mailward.toml", free_port()
    file.write_text(
        f'hostname = "localhost"\nstate = "{state}"\n'
        f'[[listener]]\naddress = "127.0.0.1:{port}"\ntls = "{tls}"\n'
        f"[allowlist]\nrelay_without_login = {relay_without_login or []}\n"
        f"[guard]\n{guard}\n[limits]\n{limits}\n"
    )
    command = [sys.executable, "-m", "mailward"]
    if account:
        add = [*command, "user", "add", ACCOUNT, "--password-stdin", "--config", str(file)]
        subprocess.run(add, check=True, input=PASSWORD, text=True, stdout=subprocess.DEVNULL)
    with Program([*command, "serve", "--config", str(file)], log=folder / "log") as program:
        program.said("(ready)")
        yield Running(program, port, lambda: _kept(state))


def authority(folder: Path) -> Path:
    """The CA that this server's certificate is from."""
    return folder / "state" / "ca" / "ca.pem"


def events(folder: Path, kind: str) -> int:
    """How many of these the server has recorded."""
    return _ask(folder / "state", "SELECT count(*) FROM events WHERE type = ?", kind)[0]


def _kept(state: Path) -> Stored:
    return Stored(*_ask(state, "SELECT count(*), coalesce(sum(length(content)), 0) FROM messages"))


def _ask(state: Path, query: str, *values: str) -> tuple[int, ...]:
    with closing(sqlite3.connect(f"{(state / 'mailward.db').as_uri()}?mode=ro", uri=True)) as reader:
        row: tuple[int, ...] = reader.execute(query, values).fetchone()
    return row
