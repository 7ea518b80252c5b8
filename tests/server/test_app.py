"""The whole server: it opens all or nothing, keeps house, and stops without breaking a promise."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mailward.errors import StoreBusy, StoreError
from mailward.events import BanRemoved, GuardMode
from mailward.guard.guard import Guard
from mailward.server import app, config
from mailward.server.app import Server, serve
from mailward.store import bans, events
from mailward.store.bans import Ban
from mailward.store.database import Database
from mailward.store.message_id import new_id
from mailward.store.writer import Writer
from tests.support.certificates import authority, issue
from tests.support.embedded_server import EmbeddedServer
from tests.support.hostile import Script, hostile_server
from tests.support.installation import (
    ANN,
    BOB,
    IMPLICIT,
    PASSWORD,
    PLAINTEXT,
    STARTTLS,
    TRUSTED,
    Installation,
    own_field,
    until,
)
from tests.support.talk import Talk, trusting


@contextmanager
def store_of(place: Installation) -> Iterator[Writer]:
    """For writing to a state directory that no server uses."""
    database = Database.open(place.state / "mailward.db")
    writer = Writer(database, deliver=lambda call: call())
    yield writer
    writer.close()
    database.close()


@contextmanager
def held(server: EmbeddedServer) -> Iterator[threading.Event]:
    """The disk takes its time: nothing is committed until the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_connection: object) -> None:
        begun.set()
        assert go_on.wait(20)

    writer = server.services.intake.writer
    writer.submit(wait, lambda *_: None)
    assert begun.wait(20)
    try:
        yield go_on
    finally:
        go_on.set()


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


# --- opening


def test_one_server_for_a_state_directory(tmp_path: Path) -> None:
    """A second server on the same state directory is refused, naming the first; when that one ends it may."""
    with EmbeddedServer(tmp_path) as server:
        second = Server(config.load(server.file))
        with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
            asyncio.run(second.__aenter__())
        with Talk(server.ports[STARTTLS]) as talk:
            assert talk.answer().code == 220
    with server:
        pass


def test_what_it_makes_is_private(tmp_path: Path) -> None:
    """All that a server writes is for its user only, whatever the umask."""
    before = os.umask(0)
    try:
        with EmbeddedServer(tmp_path, accounts={}) as server:
            modes = {path: path.stat().st_mode & 0o777 for path in (server.state, *server.state.rglob("*"))}
    finally:
        os.umask(before)

    assert {path.name for path, mode in modes.items() if mode & 0o077} == set()
    assert server.state / "ca" / "ca.pem" in modes


def test_certificate_of_ones_own(tmp_path: Path) -> None:
    """With [tls] that certificate is shown at both doors, and no local CA is made."""
    pair = issue(("mail.example.test", "localhost"))
    for name, content in (("cert.pem", pair.pem), ("key.pem", pair.key_pem)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    with EmbeddedServer(tmp_path, tls={"certificate": "cert.pem", "key": "key.pem"}) as server:
        trust = trusting(tmp_path / "ca.pem")
        with Talk(server.ports[IMPLICIT], tls=trust) as talk:
            assert "SCRAM-SHA-256-PLUS" in str(talk.ehlo())
        with Talk(server.ports[STARTTLS]) as talk:
            talk.ehlo()
            talk.starttls(trust)
            talk.ehlo()

        assert server.server.ca_file is None
        assert not server.ca.exists()


def test_leftovers_are_swept(tmp_path: Path) -> None:
    """What a crash left in the spool is gone when the server is open; what belongs to a message stays."""
    server = EmbeddedServer(tmp_path, listeners=(PLAINTEXT,), relay=True)
    with server, Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
        talk.ehlo()
        talk.envelope("a@b.test", BOB)
        assert talk.data(b"\r\n" + b"x" * 70 * 1000 + b"\r\n").code == 250
    spool = server.state / "spool"
    (kept,) = [path.name for path in spool.iterdir()]
    for name in (new_id(1, b"0123456789") + ".part", new_id(2, b"0123456789")):
        (spool / name).write_bytes(b"half")
    with server:
        assert [path.name for path in spool.iterdir()] == [kept]
        assert len(own_field(server.content(kept))[1]) == 70 * 1000 + 4


@pytest.mark.parametrize("content", [b"", b"x" * 31])
def test_damaged_key_is_not_used(tmp_path: Path, content: bytes) -> None:
    """The key of the false salts is a secret of full length, or the server does not start."""
    server = EmbeddedServer(tmp_path, accounts={})
    with server:
        key = server.state / "fake-salt.key"
        assert len(key.read_bytes()) == 32
        assert key.stat().st_mode & 0o777 == 0o600
    key.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        server.start()


def test_half_made_key_is_made_anew(tmp_path: Path) -> None:
    """A crash while that key was made leaves nothing in the way of the next start."""
    server = EmbeddedServer(tmp_path, accounts={})
    server.state.mkdir(mode=0o700)
    (server.state / "fake-salt.key.part").write_bytes(b"half")
    with server:
        assert len((server.state / "fake-salt.key").read_bytes()) == 32
        assert not (server.state / "fake-salt.key.part").exists()


# --- keeping house


def test_bans_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ban that has ended is taken away and told once, in the file and in the database."""
    monkeypatch.setattr(app, "_HOUSEKEEPING", 0.05)
    server = EmbeddedServer(tmp_path)
    now = time.time()
    with store_of(server) as writer:
        writer.run(bans.insert(Ban("ip:192.0.2.7", "source-failures", now - 900, now + 0.3)))
        writer.run(bans.insert(Ban("account:x@y.test", "account-failures", now, now + 900)))
    with server:
        (event,) = until(lambda: server.events("ban.removed"))
        time.sleep(0.2)  # some rounds more

        assert (event["subject"], event["reason"]) == ("ip:192.0.2.7", "expired")
        assert len(server.events("ban.removed")) == 1
        assert server.recorded("ban.removed") == server.events("ban.removed")
        with server.reader() as reader:
            assert [ban.subject for ban in bans.listing(reader, 0.0)] == ["account:x@y.test"]


def test_housekeeping_outlives_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot be read for a moment does not end the housekeeping."""
    monkeypatch.setattr(app, "_HOUSEKEEPING", 0.05)
    sweep, turns = Guard.sweep, iter([StoreError("disk on fire", phase="store")])

    def faulty(self: Guard, tell: Callable[[BanRemoved | GuardMode], None]) -> None:
        for fault in turns:
            raise fault
        sweep(self, tell)

    monkeypatch.setattr(Guard, "sweep", faulty)
    server = EmbeddedServer(tmp_path)
    server.expected = ("disk on fire",)
    now = time.time()
    with store_of(server) as writer:
        writer.run(bans.insert(Ban("ip:192.0.2.7", "source-failures", now - 900, now - 1)))
    with server:
        assert until(lambda: server.events("ban.removed"))


def test_old_events_are_forgotten(tmp_path: Path) -> None:
    """Events older than keep_days leave the database; the rest stays."""
    server = EmbeddedServer(tmp_path, events={"keep_days": 2})
    now = datetime.now(UTC)
    old, new = (BanRemoved(time=now - timedelta(days=days), subject=f"ip:192.0.2.{days}") for days in (3, 1))
    with store_of(server) as writer:
        for event in (old, new):
            writer.run(partial(events.append, event=event))
    with server:
        until(lambda: len(server.recorded()) == 1)
        assert server.recorded()[0]["subject"] == "ip:192.0.2.1"


def test_accepted_is_handed_on_at_once(tmp_path: Path) -> None:
    """With a next server, a message is on its way as soon as it was acknowledged, and gone when that one took it."""
    with hostile_server(Script()) as next_server:
        to = f"smtp://127.0.0.1:{next_server.port}?tls=insecure-plaintext"
        server = EmbeddedServer(tmp_path, listeners=(PLAINTEXT,), relay=True, delivery={"to": to})
        with server:
            with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
                talk.ehlo()
                talk.envelope("a@b.test", BOB)
                assert talk.data(b"Subject: x\r\n\r\n..dot\r\n").code == 250
            (event,) = until(lambda: server.events("message.delivered"))

            assert event["envelope_to"] == [BOB]
            assert server.mails() == []
        (content,) = next_server.contents
        assert own_field(content)[1] == b"Subject: x\r\n\r\n.dot\r\n"


# --- stopping


def test_stop_keeps_the_promise(tmp_path: Path) -> None:
    """A message that is being committed when the server is asked to stop is acknowledged, and is there."""
    server = EmbeddedServer(tmp_path)
    with server, Talk(server.ports[IMPLICIT], tls=server.trust) as talk, held(server) as go_on:
        talk.ehlo()
        talk.scram(ANN, PASSWORD)
        talk.envelope(ANN, BOB)
        assert talk.say("DATA").code == 354
        talk.write(b"Subject: the last\r\n\r\nx\r\n.\r\n")
        until(lambda: server.call(lambda: any(not each.idle for each in server.server.listeners[0].connections)))
        server.ask_to_stop()
        until(lambda: refused(server.ports[IMPLICIT]))
        go_on.set()

        assert talk.answer().code == 250
        assert talk.answer().code == 421
        assert talk.ended()
        server.wait_stopped()

    (mail,) = server.mails()
    assert mail.subject == "the last"
    assert [event["message"] for event in server.events("message.accepted")] == [mail.id]
    assert server.recorded("message.accepted") == server.events("message.accepted")


def test_stop_sends_the_idle_away(tmp_path: Path) -> None:
    """Who says nothing, is in the middle of a message, or has not even begun TLS, is told 421 or closed at once."""
    with EmbeddedServer(tmp_path, listeners=(IMPLICIT, PLAINTEXT), relay=True) as server:
        idle = Talk(server.ports[PLAINTEXT])
        sending = Talk(server.ports[PLAINTEXT], source=TRUSTED)
        silent = Talk(server.ports[IMPLICIT])
        with idle, sending, silent:
            idle.ehlo()
            sending.ehlo()
            sending.envelope("a@b.test", BOB)
            assert sending.say("DATA").code == 354
            sending.write(b"half a mess")
            begin = time.monotonic()
            server.stop()
            assert time.monotonic() - begin < 5

            assert str(idle.answer()).startswith("421 4.3.2")
            assert str(sending.answer()).startswith("421 4.3.2")
            assert idle.ended()
            assert sending.ended()
            assert silent.ended()

    assert server.mails() == []


def test_stop_waits_for_a_login(tmp_path: Path) -> None:
    """A login that is being judged is answered before its connection is closed."""
    guard = {"delay_first": 0.4, "delay_most": 0.4}
    with EmbeddedServer(tmp_path, guard=guard) as server, Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        talk.write(b"AUTH PLAIN AGFubkBleGFtcGxlLnRlc3QAd3Jvbmc=\r\n")
        until(lambda: server.events("login.failed"))
        server.ask_to_stop()

        assert [talk.answer().code, talk.answer().code] == [535, 421]


def test_delivery_under_way_is_finished(tmp_path: Path) -> None:
    """A delivery that has begun comes to its end before the server does; nothing is delivered twice."""
    arrived, go_on = threading.Event(), threading.Event()

    def slowly(_connection: object) -> bytes:
        arrived.set()
        assert go_on.wait(20)
        return b"250 2.0.0 taken\r\n"

    with hostile_server(Script(says={".": slowly})) as next_server:
        to = f"smtp://127.0.0.1:{next_server.port}?tls=insecure-plaintext"
        server = EmbeddedServer(tmp_path, listeners=(PLAINTEXT,), relay=True, delivery={"to": to})
        with server:
            with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
                talk.ehlo()
                talk.envelope("a@b.test", BOB)
                assert talk.data(b"x\r\n").code == 250
            assert arrived.wait(10)
            server.ask_to_stop()
            until(lambda: refused(server.ports[PLAINTEXT]))
            go_on.set()
            server.wait_stopped()

        assert server.mails() == []
        assert len(server.events("message.delivered")) == 1
        with server:
            pass
        assert len(next_server.contents) == 1


# --- serve, with signals and systemd


def serve_until_ready(place: Installation, number: signal.Signals) -> list[str]:
    """Runs `serve` here and sends `number` to ourselves when it says it is ready; the addresses it opened."""
    opened: list[str] = []

    def ready(server: Server) -> None:
        opened.extend(listener.address for listener in server.listeners)
        for address in opened:
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port))).close()
        os.kill(os.getpid(), number)

    asyncio.run(asyncio.wait_for(serve(config.load(place.file), ready=ready), 20))
    return opened


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """`serve` calls `ready` when every listener takes connections, and returns after SIGTERM or SIGINT."""
    opened = serve_until_ready(Installation(tmp_path, accounts={}), number)

    assert len(opened) == 2
    assert all(refused(int(address.rpartition(":")[2])) for address in opened)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    """READY=1 arrives when every listener is open, STOPPING=1 when it stops; an abstract socket will do too."""
    name = f"@mailward-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        serve_until_ready(Installation(tmp_path, accounts={}), signal.SIGTERM)

        assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_systemd_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A notification that cannot be sent is a line in the log, and the mail goes on."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    serve_until_ready(Installation(tmp_path, accounts={}), signal.SIGTERM)

    assert "systemd was not notified" in caplog.text
