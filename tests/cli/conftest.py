"""A command as it is typed, and a server for it to talk to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailward.cli import main
from mailward.cli.installation import opened
from mailward.cli.user import accounts_of
from mailward.secret import Secret
from mailward.server import config
from mailward.server.app import Server

ANN = "ann@example.test"
PASSWORD = "kite-9f3m-amber-72qd-otter"
TOML = """hostname = "localhost"
state = "state"
[[listener]]
address = "127.0.0.1:0"
tls = "implicit"
[[listener]]
address = "127.0.0.1:0"
tls = "starttls"
[guard]
delay_first = 0.25
delay_most = 0.6
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command."""

    def typed(*arguments: str | Path) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return typed


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A sound configuration, nothing made of it yet."""
    path = tmp_path / "mailward.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
def installed(config_file: Path) -> Path:
    """The same, with a state directory and Ann's account."""
    add_ann(config_file)
    return config_file


def add_ann(config_file: Path) -> None:
    with opened(config_file, create=True) as place, accounts_of(place) as accounts:
        accounts.add(ANN, Secret(PASSWORD))


@dataclass(frozen=True)
class Running:
    """A server in a thread of its own. `urls`: implicit TLS, STARTTLS."""

    config_file: Path
    urls: tuple[str, str]
    ca: Path
    password_file: Path
    event_file: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    config_file = folder / "mailward.toml"
    config_file.write_text(TOML)
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o600)
    add_ann(config_file)
    with _served(config_file) as server:
        implicit, starttls = (listener.address for listener in server.listeners)
        assert server.ca_file is not None
        yield Running(
            config_file,
            (f"smtps://ann%40example.test@{implicit}", f"smtp://ann%40example.test@{starttls}"),
            server.ca_file,
            folder / "password",
            server.config.events_path,
        )


@contextmanager
def _served(config_file: Path) -> Iterator[Server]:
    opened_server: Future[Server] = Future()
    stop = threading.Event()

    async def serve() -> None:
        async with Server(config.load(config_file)) as server:
            opened_server.set_result(server)
            await asyncio.to_thread(stop.wait)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            opened_server.set_exception(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield opened_server.result(10)
    finally:
        stop.set()
        thread.join()
