"""An outbox and a Mailward server: a sender that is killed at the worst moment costs nothing, and doubles nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mailward.client.facade_sync import Client
from mailward.client.outbox import Outbox
from mailward.client.tls_mode import INSECURE_PLAINTEXT
from tests.client.test_exactly_once import CONTENT, Line
from tests.client.test_outbox import SENDING, killed
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import PLAINTEXT

pytestmark = pytest.mark.e2e


class HeldLine(Line):
    """Between sender and server; while `holding`, the word that the server has taken a message does not arrive."""

    holding = False

    def __init__(self, port: int) -> None:
        self.held = threading.Event()
        super().__init__(port, breaks=0)

    def _carry(self, source: socket.socket, sink: socket.socket, cut: bytes) -> None:
        try:
            while data := source.recv(65536):
                if self.holding and b"Queued as" in data:
                    self.held.set()
                    break
                sink.sendall(data)
            else:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


def test_killed_after_the_server_took_it(tmp_path: Path) -> None:
    """The next sender asks under the same key: the ticket is sent, and the server holds the message once."""
    path = tmp_path / "outbox.db"
    with EmbeddedServer(tmp_path / "server", listeners=(PLAINTEXT,), relay=True) as server:
        line = HeldLine(server.ports[PLAINTEXT])
        client = Client("127.0.0.1", line.port, tls=INSECURE_PLAINTEXT)
        try:
            with client, Outbox(client, path) as box:
                box.put(CONTENT % 1)
                assert box.flush().sent == 1, "from here on the outbox knows that this server takes a message once"
                client.close()
                line.holding = True
                identifier = box.put(CONTENT % 2)
                command = [sys.executable, "-c", SENDING, str(path), str(line.port)]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                assert line.held.wait(20)
                assert box.ticket(identifier).state == "sending"
                killed(process)
                line.holding = False
                done = box.flush()
                ticket = box.ticket(identifier)
        finally:
            line.close()
        stored = [server.content(each.id) for each in server.mails()]

    assert (done.sent, done.unknown, ticket.state, ticket.attempts) == (1, 0, "sent", 2)
    assert sum(b"<2@example.test>" in content for content in stored) == 1
