"""`mailward serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mailward.cli import serve
from mailward.server.app import Server
from mailward.server.config import Config, ListenerConfig
from tests.cli.conftest import Run

RUN = "import sys; from mailward.cli import main; sys.exit(main(sys.argv[1:]))"


def started(state: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a server without a configuration says, on free ports."""
    config = Config(
        hostname="localhost",
        state=str(state),
        listener=(
            ListenerConfig(address="127.0.0.1:0", tls="implicit"),
            ListenerConfig(address="127.0.0.1:0", tls="starttls"),
        ),
    )

    async def start() -> None:
        async with Server(config) as server:
            serve.announce(server, None)

    asyncio.run(start())
    return capsys.readouterr().out


def test_the_first_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CA, a first account with its password, what to try, and `ready` as the last line."""
    told = started(tmp_path / "state", capsys)

    assert f"clients trust {tmp_path}/state/ca/ca.pem" in told
    assert "demo@localhost  password " in told
    assert "sandbox: mail is kept" in told
    assert "--via smtps://demo%40localhost@127.0.0.1:" in told
    assert told.endswith("\nready\n")


def test_the_password_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second start finds the account and tells no password."""
    first, second = started(tmp_path / "state", capsys), started(tmp_path / "state", capsys)

    assert "(shown this once)" in first
    assert "(shown this once)" not in second
    assert "Accounts     1" in second
    assert second.endswith("\nready\n")


def test_until_it_is_told_to_stop(config_file: Path) -> None:
    """With a configuration: `ready`, then SIGTERM ends it with 0."""
    command = [sys.executable, "-c", RUN, "serve", "--config", str(config_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = list(iter(process.stdout.readline, "ready\n"))
        process.send_signal(signal.SIGTERM)
        rest, faults = process.communicate(timeout=20)

    assert any("none yet; mailward user add" in line for line in told)
    assert (process.returncode, rest) == (0, ""), faults


def test_a_port_in_use(run: Run, config_file: Path) -> None:
    """One line with file, line and key, and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config_file.write_text(config_file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))

        done = run("serve", "--config", config_file)

    assert done.code == 2
    assert done.err.startswith(f"mailward: {config_file}:4: listener[0].address: cannot listen on 127.0.0.1:{port}")
    assert "ready" not in done.out


def test_faults_in_the_file(run: Run, config_file: Path) -> None:
    """A server does not start with a faulty configuration, and makes nothing."""
    config_file.write_text(config_file.read_text().replace("tls =", "tsl =", 1))

    done = run("serve", "--config", config_file)

    assert done.code == 2
    assert "did you mean `tls`?" in done.err
    assert os.listdir(config_file.parent) == ["mailward.toml"]  # noqa: PTH208


def test_a_ca_that_does_not_match(run: Run, config_file: Path) -> None:
    """A CA for another host name is told at the key `state`."""
    state = config_file.parent / "state"
    config_file.write_text(config_file.read_text().replace('"localhost"', '"mail.example.test"'))

    async def start() -> None:
        async with Server(Config(hostname="other.test", state=str(state), listener=())):
            pass

    asyncio.run(start())

    done = run("serve", "--config", config_file)

    assert done.code == 2
    assert f"{config_file}:2: state: the local CA in {state}/ca is for other.test" in done.err
