"""Old passwords on a running server: told once for each stage, by event and by mail, and what overlapped retired."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.directory import Accounts
from mailward.errors import StoreError
from mailward.secret import Secret
from mailward.server.rotation import Rotation
from tests.login.place import AT_ONCE, book, connect
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, PASSWORD, until

NEW = "brown herons wait at dusk"
OLD, YOUNG, NO_MAILBOX, LOCKED = "old@example.test", "young@example.test", "printer", "locked@example.test"
RULES: dict[str, Any] = {
    "profile": "legacy",
    "maximum_age_days": 90,
    "minimum_age_days": 0,
    "warn_days": 14,
    "grace_days": 7,
}
DAY = 86_400.0


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedServer:
    """Not started yet."""
    names = (OLD, YOUNG, NO_MAILBOX, LOCKED)
    return EmbeddedServer(tmp_path, guard=AT_ONCE, passwords=RULES, accounts=dict.fromkeys(names, PASSWORD))


def aged(server: EmbeddedServer, days: float, *names: str) -> None:
    """As if the newest password of these had been set so long ago."""
    connection = sqlite3.connect(server.state / "mailward.db", timeout=5)
    with connection:
        connection.executemany(
            "UPDATE credentials SET created = ? WHERE account = ? AND state = 'current'",
            [(time.time() - days * DAY, name) for name in names],
        )
    connection.close()


def test_its_owner_is_told_once_for_each_stage(server: EmbeddedServer) -> None:
    """A password that comes to its end: one event and one mail a stage, whatever how often the server looks."""
    aged(server, 80, OLD, NO_MAILBOX, LOCKED)
    with book(server) as accounts:
        accounts.change(LOCKED, disabled=True)
    for days, left in ((80, 17), (80.1, 17), (84, 13), (91, 6), (91.1, 6)):
        aged(server, days, OLD, NO_MAILBOX)
        with server:
            until(lambda: _looked(server))
        told = server.events("account.password-expiring")
        assert told[-1]["days"] == left
    told = server.events("account.password-expiring")

    assert sorted((event["account"], event["days"]) for event in told) == sorted(
        (name, days) for name in (OLD, NO_MAILBOX) for days in (17, 13, 6)
    )
    assert server.recorded("account.password-expiring") == told
    mails = server.mails()
    assert len(mails) == 3
    assert {mail.state for mail in mails} == {"kept"}
    contents = [server.content(mail.id) for mail in mails]
    assert all(b"\r\nTo: old@example.test\r\n" in content for content in contents)
    assert all(b"\r\nAuto-Submitted: auto-generated\r\n" in content for content in contents)
    assert all(b"http" not in content for content in contents), "a mail with a link in it would train its reader"


def _looked(server: EmbeddedServer) -> bool:
    """Whether the first round is over: then it sleeps until the next."""
    (rotation,) = [task for task in server.server._background if "Rotation.run" in repr(task)]
    return server.call(lambda: _sleeps(rotation))


def _sleeps(task: asyncio.Task[None]) -> bool:
    waits: Any = task.get_coro()
    while hasattr(waits, "cr_await"):
        if waits.__qualname__ == "sleep":
            return True
        waits = waits.cr_await
    return False


def test_grace_and_end(server: EmbeddedServer) -> None:
    """In its grace it is taken and the event says so; afterwards it is over, and nobody is told any more."""
    codes = []
    for days in (91, 98):
        aged(server, days, OLD)
        with server:
            until(lambda: _looked(server))
            with connect(server, "127.0.0.1") as talk:
                codes.append(talk.plain(OLD, PASSWORD).code)

    assert codes == [235, 535]
    assert [event["grace"] for event in server.events("login.succeeded")] == [True]
    assert [event["reason"] for event in server.events("login.failed")] == ["expired"]
    assert [event["days"] for event in server.events("account.password-expiring")] == [6]


def test_what_overlapped_is_retired(server: EmbeddedServer) -> None:
    """An older password that nobody has used, or whose time is over, ends: told, and no longer taken."""
    with book(server) as accounts:
        for name in (OLD, YOUNG):
            accounts.rotate(name, Secret(NEW), days=30)
    connection = sqlite3.connect(server.state / "mailward.db", timeout=5)
    with connection:  # the rotation was nine days ago, and nobody used the old one since
        connection.execute("UPDATE credentials SET since = since - ? WHERE account = ?", (9 * DAY, OLD))
    connection.close()
    with server:
        until(lambda: _looked(server))
        codes = []
        for name, password in ((OLD, PASSWORD), (OLD, NEW), (YOUNG, PASSWORD), (YOUNG, NEW)):
            with connect(server, "127.0.0.1") as talk:
                codes.append(talk.plain(name, password).code)

    assert codes == [535, 235, 235, 235]
    (told,) = server.events("account.password-retired")
    assert (told["account"], told["reason"]) == (OLD, "silent")


def test_a_stop_waits_for_the_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stops in the middle of a round closes the database after it, and tells what was noted as told."""
    begun, go_on = threading.Event(), threading.Event()
    expiring = Accounts.expiring

    def slow(self: Accounts, now: float) -> Any:
        begun.set()
        assert go_on.wait(10)
        return expiring(self, now)

    monkeypatch.setattr(Accounts, "expiring", slow)
    server = EmbeddedServer(tmp_path, passwords=RULES)
    aged(server, 80, ANN)
    server.start()
    assert begun.wait(10)
    server.ask_to_stop()
    threading.Timer(0.2, go_on.set).start()
    server.wait_stopped()

    assert [event["account"] for event in server.events("account.password-expiring")] == [ANN]
    assert server.recorded("account.password-expiring") == server.events("account.password-expiring")
    assert len(server.mails()) == 1


@pytest.mark.asyncio
async def test_a_fault_spoils_one_round_only(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A store that cannot be read is told in the log, and the next round comes all the same."""
    rounds = 0

    def broken() -> Accounts:
        nonlocal rounds
        rounds += 1
        raise StoreError("disk on fire", phase="store")

    monkeypatch.setattr("mailward.server.rotation.EVERY", 0.01)
    nothing: Any = None
    rotation = Rotation(broken, nothing, hostname="a.test", record=nothing, now=time.time)
    running = asyncio.get_running_loop().create_task(rotation.run())
    while rounds < 3:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert "disk on fire" in caplog.text
