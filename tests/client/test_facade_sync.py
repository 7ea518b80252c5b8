"""`Client`: plain code, threads, and a running loop."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time

import pytest

from mailward import (
    INSECURE_PLAINTEXT,
    AsyncClient,
    Client,
    ConnectError,
    DeadlineExceeded,
    InvalidAddress,
    Limits,
    Outcome,
    TlsRequired,
)
from tests.support.hostile import Connection, Script, hostile_server
from tests.support.sending import MESSAGE, Face, both_faces, url_of

REPLACED = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


def methods(kind: type) -> dict[str, inspect.Signature]:
    own = {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}
    return {
        name: inspect.signature(value) for name, value in own.items() if not name.startswith("_") or name[:2] == "__"
    }


def test_both_faces_are_alike() -> None:
    """The same names with the same parameters and defaults, and what is said of them is the same."""
    plain = {REPLACED.get(name, name): signature for name, signature in methods(Client).items()}
    asynchronous = methods(AsyncClient)

    assert plain.keys() == asynchronous.keys()
    for name, signature in plain.items():
        ours = [(parameter.name, parameter.kind, parameter.default) for parameter in signature.parameters.values()]
        theirs = asynchronous[name].parameters.values()
        assert ours == [(parameter.name, parameter.kind, parameter.default) for parameter in theirs], name
    for name in ("send", "send_many", "close"):
        assert (getattr(AsyncClient, name).__doc__ or "").startswith(
            (getattr(Client, name).__doc__ or "x").strip()[:60]
        )


def test_it_works_inside_a_running_loop() -> None:
    """No loop of its own means no conflict with another."""

    async def inside() -> Outcome:
        with Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
            return client.send(MESSAGE).outcome

    with hostile_server(Script()) as server:
        assert asyncio.run(inside()) is Outcome.ACCEPTED


def test_it_imports_no_event_loop() -> None:
    """Whoever sends from plain code does not pay for asyncio."""
    check = "import sys; from mailward import Client, send; Client('h'); sys.exit('asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_entering_connects() -> None:
    """What is wrong with host, TLS or login is told where the client is opened."""
    with hostile_server(Script()) as server:
        with pytest.raises(TlsRequired), Client("127.0.0.1", server.port):
            pass
        with Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT):
            assert server.connections[-1].verbs == ["EHLO"]


def test_without_entering_it_connects_when_it_sends() -> None:
    """And what is wrong with the message is told first, before any connection."""
    with hostile_server(Script()) as server:
        client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT)
        with pytest.raises(InvalidAddress):
            client.send(MESSAGE, recipients="a@b.c\r\nRCPT TO:<x@y.z>")
        assert server.connections == []
        assert client.send(MESSAGE).ok
        client.close()
        client.close()
        assert client.send(MESSAGE).ok
        client.close()

    assert len(server.connections) == 2


def test_its_repr_tells_where_and_no_secret() -> None:
    """It may be logged."""
    client = Client("smtps://ann:hunter2@smtp.example.org")

    assert repr(client) == "Client(smtp.example.org port 465)"
    assert "hunter2" not in repr(vars(client))


@both_faces
def test_send_many_goes_on_after_a_refusal(face: Face) -> None:
    """A receipt for each, in order: refused, unusable, lost and sent."""

    def by_content(connection: Connection) -> bytes:
        return {b"spam": b"550 5.7.1 spam\r\n"}.get(connection.contents[-1].split()[-1], b"250 ok\r\n")

    messages = [MESSAGE.replace(b"hello", word) for word in (b"one", b"spam", b"two")]
    messages[2:2] = [b"no header\r\n", MESSAGE.replace(b"bob@", b"b b@")]
    with hostile_server(Script(says={".": by_content})) as server:
        receipts = face.send_many(url_of(server), messages, tls=INSECURE_PLAINTEXT)

    assert [receipt.outcome.value for receipt in receipts] == [
        "accepted",
        "rejected",
        "not-sent",
        "not-sent",
        "accepted",
    ]
    assert all(receipt.error for receipt in receipts[1:4])
    assert len(server.connections) == 1


@both_faces
def test_send_many_raises_what_would_befall_all(face: Face) -> None:
    """A server that is gone is not asked once for every message."""

    def once(connection: Connection) -> bytes:
        greetings.append(1)
        return b"220 x\r\n" if len(greetings) == 1 else b"421 4.3.2 closing\r\n"

    greetings: list[int] = []
    script = Script(keywords=("LIMITS MAILMAX=1",), says={"": once})
    with hostile_server(script) as server, pytest.raises(ConnectError, match="421"):
        face.send_many(url_of(server), [MESSAGE] * 4, tls=INSECURE_PLAINTEXT)

    assert len(server.connections) == 2


def test_threads_share_no_more_connections_than_allowed() -> None:
    """Each has a session to itself; the others wait."""
    most = 0
    now = 0
    lock = threading.Lock()

    def busy(connection: Connection) -> bytes:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return b"250 ok\r\n"

    with hostile_server(Script(keywords=(), says={"MAIL": busy})) as server:
        client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=Limits(connections=2))
        threads = [threading.Thread(target=client.send, args=(MESSAGE,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        client.close()

    assert most == 2
    assert len(server.connections) == 2
    assert len(server.contents) == 6


@pytest.mark.slow
def test_waiting_for_a_connection_is_part_of_the_call() -> None:
    """The total deadline holds for a thread whose turn does not come."""
    begun, release = threading.Event(), threading.Event()

    def hold(connection: Connection) -> bytes:
        begun.set()
        release.wait(5)
        return b"250 ok\r\n"

    with hostile_server(Script(says={"MAIL": hold})) as server:
        client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=0.5)
        thread = threading.Thread(target=client.send, args=(MESSAGE,))
        thread.start()
        begun.wait(5)
        impatient = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=0.2)
        impatient._slots = client._slots
        start = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="connection of this client"):
            impatient.send(MESSAGE)
        took = time.monotonic() - start
        release.set()
        thread.join(5)
        client.close()

    assert 0.19 <= took <= 0.4
