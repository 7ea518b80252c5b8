"""`Outbox` and `AsyncOutbox`: what was put is sent once, and what is not known is not sent again."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, AsyncClient, Client
from mailward.client.outbox import AsyncOutbox, Outbox, usual_path
from mailward.client.schedule import Schedule
from mailward.errors import AuthError, InputError, InvalidAddress, StoreFull
from mailward.store.ticket import Ticket
from tests.support.hostile import HostileServer, Script, hang_up, hostile_server

QUICK = Schedule(first=0.05, longest=0.1, give_up=3600)
MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: Hi\r\nMessage-ID: <1@a.test>\r\n\r\nHi.\r\n"


class Box:
    """Either face, called in the same way."""

    def __init__(self, path: Path, port: int, runner: asyncio.Runner | None, **options: Any) -> None:
        self._runner = runner
        kind: Any = Outbox if runner is None else AsyncOutbox
        sender: Any = Client if runner is None else AsyncClient
        client_options = {"tls": INSECURE_PLAINTEXT, "timeout": 5, **options.pop("client", {})}
        self.client = sender("127.0.0.1", port, **client_options)
        self.outbox: Any = kind(self.client, path, schedule=QUICK, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            done = getattr(self.outbox, name)(*given, **named)
            if name == "content":
                return b"".join(done if self._runner is None else self._finished(gathered(done)))
            return self._finished(done) if inspect.isawaitable(done) else done

        return called

    def shut(self) -> None:
        for done in (self.outbox.close(), self.client.close()):
            if inspect.isawaitable(done):
                self._finished(done)

    def _finished(self, awaitable: Any) -> Any:
        async def waiting() -> Any:
            return await awaitable

        assert self._runner is not None
        return self._runner.run(waiting())


async def gathered(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


Opened = Callable[..., Box]


@pytest.fixture(params=["blocking", "aio"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens an outbox of one face; each is closed in the end."""
    boxes: list[Box] = []
    runner = asyncio.Runner() if request.param == "aio" else None

    def open_one(server: HostileServer | int, **options: Any) -> Box:
        port = server if isinstance(server, int) else server.port
        boxes.append(Box(tmp_path / "state" / "outbox.db", port, runner, **options))
        return boxes[-1]

    yield open_one
    for box in boxes:
        box.shut()
    if runner is not None:
        runner.close()


def states(ticket: Ticket) -> dict[str, str]:
    return {each.address.partition("@")[0]: each.state for each in ticket.recipients}


def test_both_faces_are_alike() -> None:
    """The same names with the same parameters and defaults."""

    def face(kind: type) -> dict[str, list[tuple[str, object, object]]]:
        own = {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}
        return {
            name: [(each.name, each.kind, each.default) for each in inspect.signature(value).parameters.values()]
            for name, value in own.items()
            if not name.startswith("_") or name == "__init__"
        }

    assert face(Outbox) == face(AsyncOutbox)


def test_put_and_sent(opened: Opened, tmp_path: Path) -> None:
    """Octet by octet; the receipt stays, the content does not; the file is its owner's alone."""
    with hostile_server(Script()) as server:
        box = opened(server)
        identifier = box.put(MESSAGE)
        waiting = box.ticket(identifier)
        raw = box.content(identifier)
        done = box.flush()
        sent = box.ticket(identifier)

    assert (waiting.state, waiting.subject, waiting.message_id) == ("waiting", "Hi", "<1@a.test>")
    assert (done.sent, done.error, sent.state, sent.attempts, sent.next_attempt) == (1, None, "sent", 1, None)
    assert '"outcome": "accepted"' in sent.receipt
    assert raw == MESSAGE
    assert server.contents == [MESSAGE]
    assert stat.S_IMODE((tmp_path / "state" / "outbox.db").stat().st_mode) == 0o600
    assert box.flush().sent == 0


def test_a_key_is_one_message(opened: Opened) -> None:
    """Put twice, before and after it was sent, it is sent once."""
    with hostile_server(Script()) as server:
        box = opened(server)
        first = box.put(MESSAGE, idempotency_key="invoice-17")
        assert box.put(MESSAGE.replace(b"Hi.", b"Ho."), idempotency_key="invoice-17") == first
        box.run(until_empty=True)
        assert box.put(MESSAGE, idempotency_key="invoice-17") == first
        box.run(until_empty=True)

    assert server.contents == [MESSAGE]
    assert box.ticket("invoice-17").id == first


def test_refused_for_now_is_tried_again(opened: Opened) -> None:
    """A 4yz waits for its time; then it is sent."""
    with hostile_server(Script(says={".": [b"451 4.3.0 later\r\n", b"250 2.0.0 ok\r\n"]})) as server:
        box = opened(server)
        identifier = box.put(MESSAGE)
        box.flush()
        refused = box.ticket(identifier)
        assert box.flush().sent == 0
        box.run(until_empty=True)

    assert (refused.state, refused.attempts) == ("waiting", 1)
    assert refused.next_attempt is not None
    assert refused.next_attempt > refused.created
    assert "451 4.3.0 later" in refused.error
    assert (box.ticket(identifier).state, box.ticket(identifier).attempts) == ("sent", 2)
    assert server.contents == [MESSAGE, MESSAGE]


def test_each_recipient_has_a_fate_of_its_own(opened: Opened) -> None:
    """Who was accepted gets it once, who was refused for good never, who was refused for now alone is tried again."""
    replies = [b"250 2.1.5 ok\r\n", b"450 4.2.1 later\r\n", b"550 5.1.1 nobody\r\n", b"250 2.1.5 ok\r\n"]
    with hostile_server(Script(says={"RCPT": replies})) as server:
        box = opened(server)
        identifier = box.put(MESSAGE, recipients=["ann@example.test", "bob@example.test", "cid@example.test"])
        box.flush()
        first = box.ticket(identifier)
        box.run(until_empty=True)
        last = box.ticket(identifier)

    assert (first.state, states(first)) == ("waiting", {"ann": "sent", "bob": "waiting", "cid": "failed"})
    assert (last.state, states(last)) == ("failed", {"ann": "sent", "bob": "sent", "cid": "failed"})
    assert server.heard.count(b"RCPT TO:<bob@") == 2
    assert server.heard.count(b"RCPT TO:<ann@") == server.heard.count(b"RCPT TO:<cid@") == 1


def test_unknown_is_never_sent_again_by_itself(opened: Opened) -> None:
    """No reply to the content: it is kept and listed, and only `retry` sends it."""
    with hostile_server(Script(says={".": hang_up})) as server:
        box = opened(server)
        identifier = box.put(MESSAGE)
        done = box.flush()
        box.run(until_empty=True)
        assert (done.unknown, box.ticket(identifier).state, len(server.contents)) == (1, "unknown", 1)
        assert [each.id for each in box.tickets("unknown")] == [identifier]
        server.connections[0].script.says["."] = b"250 2.0.0 ok\r\n"
        box.retry(identifier)
        box.run(until_empty=True)

    assert box.ticket(identifier).state == "sent"
    assert server.contents == [MESSAGE, MESSAGE]


def test_refused_for_good(opened: Opened) -> None:
    """A 5yz fails it at once; it is kept until it is forgotten."""
    with hostile_server(Script(says={"MAIL": b"550 5.7.1 never\r\n"})) as server:
        box = opened(server)
        identifier = box.put(MESSAGE)
        box.run(until_empty=True)
        assert box.ticket(identifier).state == "failed"
        assert "550 5.7.1 never" in box.ticket(identifier).error
        box.forget(identifier)

    assert box.tickets() == []
    with pytest.raises(InputError, match="no ticket"):
        box.forget(identifier)


def test_out_of_reach(opened: Opened) -> None:
    """Where nobody listens, one attempt tells it, and the rest waits untouched."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    box = opened(port)
    tickets = [box.put(MESSAGE) for _ in range(3)]
    done = box.flush()

    assert done.error is not None
    assert (done.waiting, done.failed) == (1, 0)
    assert [box.ticket(each).state for each in tickets] == ["waiting"] * 3
    assert sorted(box.ticket(each).attempts for each in tickets) == [0, 0, 1]
    with hostile_server(Script(), port=port) as server:
        box.run(until_empty=True)
        assert len(server.contents) == 3


def test_a_refused_login_ends_it(opened: Opened) -> None:
    """One try, and `run` tells; the message waits for a better password."""
    with hostile_server(Script(tls=None, auth=("PLAIN", "LOGIN"))) as server:
        box = opened(server, client={"auth": ("ann@example.test", "wrong"), "tls": INSECURE_PLAINTEXT})
        identifier = box.put(MESSAGE)
        with pytest.raises(AuthError):
            box.run(until_empty=True)
        attempts = box.ticket(identifier).attempts

    assert (box.ticket(identifier).state, attempts) == ("waiting", 1)
    assert server.verbs.count("AUTH") <= 1


def test_large_content_is_streamed(opened: Opened) -> None:
    """Three mebibytes and a bit, in rows of one, sent as they were put."""
    content = MESSAGE + b"".join(b"%07d %s\r\n" % (number, b"x" * 60) for number in range(45_000))
    with hostile_server(Script(keywords=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"))) as server:
        box = opened(server)
        box.put(content)
        done = box.flush()

    assert done.sent == 1
    assert server.contents == [content]


def test_how_it_is_to_be_treated_is_kept(opened: Opened) -> None:
    """DSN and its name are the same at each attempt."""
    script = Script(keywords=("PIPELINING", "DSN"), says={".": [b"451 4.3.0 later\r\n", b"250 2.0.0 ok\r\n"]})
    with hostile_server(script) as server:
        box = opened(server)
        box.put(MESSAGE, dsn="success,failure")
        box.run(until_empty=True)
    named = [line for line in server.heard.split(b"\r\n") if line.startswith(b"MAIL")]

    assert len(named) == 2
    assert len(set(named)) == 1
    assert b" ENVID=" in named[0]
    assert server.heard.count(b"NOTIFY=SUCCESS,FAILURE") == 2


def test_what_cannot_be_sent_is_not_put(opened: Opened) -> None:
    """A bad address is told at once; nothing is kept."""
    box = opened(1)
    with pytest.raises(InvalidAddress):
        box.put(MESSAGE, recipients="bob@example.test\r\nRCPT TO:<eve@example.test>")
    with pytest.raises(TypeError):
        box.put(MESSAGE, colour="red")

    assert box.tickets() == []
    with pytest.raises(InputError, match="a ticket is"):
        box.tickets("lost")


def test_it_is_bounded(opened: Opened) -> None:
    """No more messages and no more octets than allowed wait in it."""
    box = opened(1, most=2)
    box.put(MESSAGE)
    box.put(MESSAGE)
    with pytest.raises(StoreFull):
        box.put(MESSAGE)
    with pytest.raises(StoreFull):
        opened(1, most_octets=2 * len(MESSAGE)).put(MESSAGE)

    assert len(box.tickets()) == 2


def test_two_senders_share_one_outbox(opened: Opened) -> None:
    """Two outboxes on one file, at work at once: every message is sent exactly once."""
    with hostile_server(Script()) as server:
        box = opened(server)
        for number in range(20):
            box.put(MESSAGE.replace(b"Hi.", b"%d" % number))
        clients = [Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) for _ in range(2)]
        others = [Outbox(client, box.outbox._dispatch.file.path, schedule=QUICK) for client in clients]
        threads = [threading.Thread(target=other.run, kwargs={"until_empty": True}) for other in others]
        for thread in threads:
            thread.start()
        box.run(until_empty=True)
        for thread in threads:
            thread.join(10)
        for other, client in zip(others, clients, strict=True):
            other.close()
            client.close()

    assert sorted(server.contents) == sorted(MESSAGE.replace(b"Hi.", b"%d" % number) for number in range(20))
    assert {each.state for each in box.tickets()} == {"sent"}


def test_stop_ends_a_run(tmp_path: Path) -> None:
    """From another thread, within about a second."""
    box = Outbox(None, tmp_path / "outbox.db")
    with pytest.raises(InputError, match="no client"):
        box.run()
    with hostile_server(Script()) as server, Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT) as client:
        box = Outbox(client, tmp_path / "outbox.db")
        thread = threading.Thread(target=box.run)
        thread.start()
        box.put(MESSAGE)
        while not server.contents:
            time.sleep(0.01)
        box.close()
        thread.join(5)
        assert not thread.is_alive()


def test_a_cancelled_task_leaves_it_unknown(tmp_path: Path) -> None:
    """Cancelled while the server thinks about the content, nobody knows; it is not sent again."""
    release = threading.Event()

    def think(_connection: object) -> bytes:
        release.wait(10)
        return b"250 2.0.0 ok\r\n"

    async def work(port: int) -> str:
        client = AsyncClient("127.0.0.1", port, tls=INSECURE_PLAINTEXT)
        async with client, AsyncOutbox(client, tmp_path / "outbox.db") as box:
            await box.put(MESSAGE)
            task = asyncio.get_running_loop().create_task(box.flush())
            while not server.contents:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            release.set()
            await box.run(until_empty=True)
            return (await box.tickets())[0].state

    with hostile_server(Script(says={".": think})) as server:
        assert asyncio.run(work(server.port)) == "unknown"
    assert len(server.contents) == 1


PUTTING = """
import sys
from mailward.client.outbox import Outbox
box = Outbox(None, sys.argv[1])
for number in range(100000):
    print(box.put(b"From: a@example.test\\r\\nTo: b@example.test\\r\\n\\r\\n%d\\r\\n" % number), flush=True)
"""
SENDING = """
import sys
from mailward import INSECURE_PLAINTEXT, Client
from mailward.client.outbox import Outbox
Outbox(Client("127.0.0.1", int(sys.argv[2]), tls=INSECURE_PLAINTEXT), sys.argv[1]).run()
"""


def killed(process: subprocess.Popen[str]) -> str:
    """What it had said when it was killed."""
    os.kill(process.pid, signal.SIGKILL)
    out, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return out


@pytest.mark.e2e
def test_what_was_put_survives_kill_9(tmp_path: Path) -> None:
    """Killed in the middle of putting: every ticket that was given is there, whole, and the next sender sends it."""
    path = tmp_path / "outbox.db"
    process = subprocess.Popen([sys.executable, "-c", PUTTING, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    given = [process.stdout.readline() for _ in range(20)]
    given += killed(process).splitlines(keepends=True)
    promised = {line.strip() for line in given if line.endswith("\n")}
    with hostile_server(Script()) as server:
        client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT)
        with client, Outbox(client, path) as box:
            box.run(until_empty=True)
            sent = {each.id for each in box.tickets("sent", limit=10_000)}

    assert len(promised) >= 20
    assert promised <= sent
    assert len(sent) - len(promised) <= 1, "one may have been put of which the word did not come any more"
    assert len(server.contents) == len(sent)


@pytest.mark.e2e
def test_a_killed_sender_leaves_it_unknown(tmp_path: Path) -> None:
    """Killed while the server thinks about the content: the next sender finds it so, and does not send it again."""
    thinking, release = threading.Event(), threading.Event()

    def think(_connection: object) -> bytes:
        thinking.set()
        release.wait(10)
        return b"250 2.0.0 ok\r\n"

    path = tmp_path / "outbox.db"
    with hostile_server(Script(says={".": think})) as server:
        client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT)
        with client, Outbox(client, path) as box:
            identifier = box.put(MESSAGE)
            process = subprocess.Popen(
                [sys.executable, "-c", SENDING, str(path), str(server.port)], stdout=subprocess.PIPE, text=True
            )
            assert thinking.wait(20)
            assert box.flush().sent == 0
            assert box.ticket(identifier).state == "sending"
            with pytest.raises(InputError, match="being sent"):
                box.forget(identifier)
            killed(process)
            box.run(until_empty=True)
            found = box.ticket(identifier)
            release.set()

    assert (found.state, found.attempts) == ("unknown", 1)
    assert "ended before it could tell" in found.error
    assert len(server.contents) == 1


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAILWARD_OUTBOX, else the state directory of the user."""
    assert usual_path({"MAILWARD_OUTBOX": "/a/b", "HOME": "/h"}) == Path("/a/b")
    assert usual_path({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/mailward/outbox.db")
    assert usual_path({"XDG_STATE_HOME": "s", "HOME": "/h"}) == Path("/h/.local/state/mailward/outbox.db")
    with pytest.raises(InputError, match="no home"):
        usual_path({})
