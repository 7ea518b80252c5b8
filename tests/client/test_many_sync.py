"""`send_many` of Client around the flow: whose connection it is while nobody asks, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mailward import INSECURE_PLAINTEXT, Client, ConnectError, Limits, Outcome
from tests.support.hostile import CHUNKING, Connection, Script, hostile_server
from tests.support.sending import MESSAGE


def count_of(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


def endless(taken: list[int]) -> Iterator[bytes]:
    while True:
        taken.append(1)
        yield MESSAGE


@pytest.mark.parametrize("keywords", [CHUNKING, ("PIPELINING",), ()], ids=["chunking", "pipelining", "one-by-one"])
def test_sending_while_looking_at_a_receipt(keywords: tuple[str, ...]) -> None:
    """With one connection only: it is lent to the `send` in between, and taken again."""
    with (
        hostile_server(Script(keywords=keywords)) as server,
        Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=5) as client,
    ):
        outcomes = [client.send(MESSAGE).outcome for receipt in client.send_many([MESSAGE] * 10) if receipt.ok]

    assert outcomes == [Outcome.ACCEPTED] * 10
    assert len(server.contents) == 20
    assert len(server.connections) == 1


def test_another_thread_has_its_turn() -> None:
    """A `send` of another thread does not wait for the end of all."""
    sent: list[float] = []

    def send() -> None:
        client.send(MESSAGE)
        sent.append(time.monotonic())

    with (
        hostile_server(Script(keywords=("PIPELINING",))) as server,
        Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=10) as client,
    ):
        thread = threading.Thread(target=send)
        for number, _ in enumerate(client.send_many(endless([]))):
            if number == 5:
                thread.start()
            if sent or number > 20_000:
                break
        thread.join(5)
    assert sent


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_is_taken_than_fits(connections: int) -> None:
    """Of an endless source: so much as the windows hold. Leaving the loop settles what is on the way."""
    taken: list[int] = []
    with hostile_server(Script(keywords=CHUNKING)) as server:
        limits = Limits(connections=connections)
        with Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            receipts = client.send_many(endless(taken))
            first = [next(receipts).outcome for _ in range(3)]
            time.sleep(0.05)
            assert len(taken) <= 3 + connections * 64 + 1
            receipts.close()
            assert count_of("mailward-send") == 0
            assert client.send(MESSAGE).ok

    assert first == [Outcome.ACCEPTED] * 3
    assert len(server.contents) <= len(taken) + 1
    assert all(connection.verbs[-1] == "QUIT" for connection in server.connections)


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_source_that_raises(connections: int, error: type[BaseException]) -> None:
    """The caller gets what it raised; no thread and no connection is left."""

    def source() -> Iterator[bytes]:
        yield from [MESSAGE] * 30
        raise error

    with hostile_server(Script(keywords=CHUNKING)) as server:
        limits = Limits(connections=connections)
        with Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
            with pytest.raises(error):
                list(client.send_many(source()))
            assert count_of("mailward-send") == 0

    if error is ValueError:  # an interrupted caller waits for nobody
        assert all(connection.verbs[-1] == "QUIT" for connection in server.connections)


def test_nobody_there_over_several_connections() -> None:
    """What would befall all the rest is raised, once."""
    client = Client("127.0.0.1", 1, tls=INSECURE_PLAINTEXT, limits=Limits(connections=3, min_idle=0))
    with pytest.raises(ConnectError):
        list(client.send_many([MESSAGE] * 10))

    assert count_of("mailward-send") == 0


def test_threads_work_at_the_same_time() -> None:
    """Three connections to a server that takes its time are three times as quick."""

    def slow(connection: Connection) -> bytes:
        time.sleep(0.02)
        return b"250 2.0.0 OK\r\n"

    def took(connections: int) -> float:
        begun = time.monotonic()
        with hostile_server(Script(keywords=(), says={"MAIL": slow})) as server:
            limits = Limits(connections=connections)
            with Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
                assert all(receipt.ok for receipt in client.send_many([MESSAGE] * 12))
        return time.monotonic() - begun

    assert took(3) < took(1) * 0.75
