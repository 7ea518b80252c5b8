"""A lost verdict is resolved with a server that takes one message once: a real one, behind a line that breaks."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mailward.client.facade_async import AsyncClient
from mailward.client.facade_sync import Client
from mailward.client.receipt import Outcome, Receipt
from mailward.client.tls_mode import INSECURE_PLAINTEXT
from mailward.errors import OutcomeUnknown
from tests.support.embedded_server import EmbeddedServer
from tests.support.hostile import Script, hang_up, hostile_server
from tests.support.installation import PLAINTEXT, TRUSTED

CONTENT = b"From: ann@example.test\r\nTo: bob@example.test\r\nMessage-ID: <%d@example.test>\r\n\r\nonce\r\n"


class Line:
    """Between client and server. Of the first `breaks` connections, each is cut when the server has taken a message."""

    def __init__(self, port: int, *, breaks: int = 1, source: str = TRUSTED) -> None:
        self._to = port
        self._breaks = breaks
        self._source = source
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in self._sockets:
            each.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._to), source_address=(self._source, 0))
                self._sockets += [client, server]
                self._start(self._carry, client, server, b"")
                self._start(self._carry, server, client, b"Queued as" if self.connections <= self._breaks else b"")

    def _carry(self, source: socket.socket, sink: socket.socket, cut: bytes) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if cut and cut in data:
                    break
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def broken_line(tmp_path: Path, *, breaks: int = 1) -> Iterator[tuple[EmbeddedServer, Line]]:
    with EmbeddedServer(tmp_path, listeners=(PLAINTEXT,), relay=True) as server:
        line = Line(server.ports[PLAINTEXT], breaks=breaks)
        try:
            yield server, line
        finally:
            line.close()


def send(port: int, contents: list[bytes], *, asynchronous: bool) -> list[Receipt]:
    options: dict[str, Any] = {"tls": INSECURE_PLAINTEXT, "timeout": 10, "memory": False}
    if not asynchronous:
        with Client("127.0.0.1", port, **options) as client:
            if len(contents) == 1:
                return [client.send(contents[0])]
            return list(client.send_many(contents))

    async def flow() -> list[Receipt]:
        async with AsyncClient("127.0.0.1", port, **options) as client:
            if len(contents) == 1:
                return [await client.send(contents[0])]
            return [receipt async for receipt in client.send_many(contents)]

    return asyncio.run(flow())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_lost_verdict_is_resolved(tmp_path: Path, asynchronous: bool) -> None:
    """The line breaks after the server has taken it: it is accepted, under the id it had then, and is there once."""
    with broken_line(tmp_path) as (server, line):
        (receipt,) = send(line.port, [CONTENT % 1], asynchronous=asynchronous)

        assert receipt.outcome is Outcome.ACCEPTED
        assert receipt.idempotency_key
        assert [mail.id for mail in server.mails()] == [receipt.queue_id]
        assert line.connections == 2


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_many_are_resolved(tmp_path: Path, asynchronous: bool) -> None:
    """Of a stream that breaks in the middle each is there once, in the order of the messages."""
    with broken_line(tmp_path) as (server, line):
        receipts = send(line.port, [CONTENT % number for number in range(50)], asynchronous=asynchronous)

        assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
        assert [receipt.message_id for receipt in receipts] == [f"<{number}@example.test>" for number in range(50)]
        assert sorted(mail.id for mail in server.mails()) == sorted(str(receipt.queue_id) for receipt in receipts)


def test_it_is_said_once_more_and_not_for_ever(tmp_path: Path) -> None:
    """A line that always breaks leaves it unknown, after two attempts."""
    with broken_line(tmp_path, breaks=9) as (server, line):
        with pytest.raises(OutcomeUnknown):
            send(line.port, [CONTENT % 1], asynchronous=False)

        assert line.connections == 2
        assert len(server.mails()) == 1


def test_without_the_keyword_it_stays_unknown() -> None:
    """C07: another server is never told twice."""
    with hostile_server(Script(says={".": hang_up})) as server:
        with pytest.raises(OutcomeUnknown):
            send(server.port, [CONTENT % 1], asynchronous=False)
        assert len(server.contents) == 1
