"""A real server with real sockets in a thread of the test, so that a test may shorten its limits and look inside."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

from mailward.server import config
from mailward.server.app import Server
from mailward.server.services import Services
from tests.support.installation import Installation

T = TypeVar("T")
PATIENCE = 20.0  # seconds


class _Faults(logging.Handler):
    """What one thread logs as an error."""

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []
        self._thread = thread

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread.ident:
            self.records.append(self.format(record))


class EmbeddedServer(Installation):
    """`with EmbeddedServer(tmp_path) as server:`; the keywords are those of Installation.

    Leaving stops it gracefully and asserts that it logged no fault, but those `expected`.
    """

    expected: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._thread.is_alive():
            self.stop()

    def start(self) -> None:
        """Raises what Server raises when it cannot be opened."""
        self._opened = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-server", daemon=True)
        self._faults = _Faults(self._thread)
        logging.getLogger("mailward").addHandler(self._faults)
        self._thread.start()
        assert self._opened.wait(PATIENCE), "it does not open"
        if self._problem is not None:
            self._end()
            raise self._problem

    def stop(self) -> None:
        self.ask_to_stop()
        self.wait_stopped()

    def ask_to_stop(self) -> None:
        """As SIGTERM does; does not wait."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def wait_stopped(self) -> None:
        """The next start takes other ports."""
        self._end()
        self.ports = {}
        if self._problem is not None:
            raise self._problem
        unexpected = [each for each in self._faults.records if not any(words in each for words in self.expected)]
        assert not unexpected, "\n".join(unexpected)

    def events(self, *types: str) -> list[dict[str, Any]]:
        """What was told before now is in the file: the lines of one turn of the loop are written in the next."""
        if self._thread.is_alive():
            self.call(lambda: None)
        return super().events(*types)

    @property
    def services(self) -> Services:
        return self.server.listeners[0].services

    def call(self, function: Callable[[], T]) -> T:
        """Runs `function` in the server's thread."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)

    def _end(self) -> None:
        self._thread.join(PATIENCE)
        logging.getLogger("mailward").removeHandler(self._faults)
        assert not self._thread.is_alive(), "it does not stop"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:  # noqa: BLE001  # the test raises it
            self._problem = problem
        finally:
            self._opened.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.configure(self.ports or dict.fromkeys(self._listeners, 0))
        async with Server(config.load(self.file)) as self.server:
            addresses = [listener.address for listener in self.server.listeners]
            self.ports = {
                tls: int(address.rpartition(":")[2]) for tls, address in zip(self._listeners, addresses, strict=True)
            }
            self._opened.set()
            await self._stop.wait()
