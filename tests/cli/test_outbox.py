"""`mailward outbox`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.cli.outbox import _STATES
from mailward.store.ticket import STATES
from tests.cli.conftest import Done, Run
from tests.support.hostile import HostileServer, Script, hang_up, hostile_server

TYPED = ("--from", "ann@example.test", "--to", "bob@example.test", "--subject", "Hi", "--text", "Hello.")


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server(Script()) as running:
        yield running


def via(server: HostileServer) -> tuple[str, ...]:
    return ("--via", f"smtp://127.0.0.1:{server.port}", "--tls", "insecure-plaintext")


@pytest.fixture(autouse=True)
def own_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAILWARD_OUTBOX", str(tmp_path / "outbox.db"))
    return tmp_path / "outbox.db"


def test_put_list_show_send(run: Run, server: HostileServer) -> None:
    """A message from put to sent."""
    assert run("outbox", "list").out == "the outbox is empty\n"
    identifier = run("outbox", "put", *TYPED).out.strip()
    listed, shown = run("outbox", "list"), run("outbox", "show", identifier)
    raw = run("outbox", "show", identifier, "--raw")
    sent = run("outbox", "send", *via(server))

    assert identifier in listed.out
    assert "waiting" in listed.out
    assert "bob@example.test" in shown.out
    assert raw.out.endswith("Hello.\r\n") or raw.out.endswith("Hello.\n")
    assert (sent.code, sent.out) == (0, "1 sent\n")
    assert server.contents[0].endswith(b"\r\n\r\nHello.\r\n")
    assert run("outbox", "show", identifier, "--json").json["receipt"]["outcome"] == "accepted"
    assert run("outbox", "send", *via(server)).out == "nothing is due\n"


def test_the_states_are_those_of_a_ticket() -> None:
    """The command names what the store knows."""
    assert _STATES == STATES


def test_one_key(run: Run) -> None:
    """The same ticket twice; shown by its key too."""
    first = run("outbox", "put", *TYPED, "--once", "invoice-17", "--json")

    assert run("outbox", "put", *TYPED, "--once", "invoice-17").out.strip() == first.json["id"]
    assert run("outbox", "show", "invoice-17", "--json").json == first.json
    assert len(run("outbox", "list", "--json").json) == 1


def test_unknown_is_told_and_waits_for_a_decision(run: Run) -> None:
    """Exit code 4; then nothing is due; `retry` sends it again, `forget` removes it."""
    with hostile_server(Script(says={".": hang_up})) as server:
        identifier = run("outbox", "put", *TYPED).out.strip()
        done = run("outbox", "send", *via(server))
        again = run("outbox", "send", *via(server))
        shown = run("outbox", "show", identifier)
        assert len(server.contents) == 1

    assert (done.code, done.out) == (4, "1 unknown\n")
    assert (again.code, again.out) == (0, "nothing is due\n")
    assert f"mailward outbox retry {identifier}" in shown.out
    assert run("outbox", "list", "--state", "unknown", "--json").json[0]["id"] == identifier
    assert run("outbox", "retry", identifier).code == 0
    assert run("outbox", "list", "--state", "waiting", "--json").json[0]["id"] == identifier
    assert run("outbox", "forget", identifier).code == 0
    assert run("outbox", "show", identifier).code == 2


def test_refused_and_out_of_reach(run: Run) -> None:
    """Exit code 1 for a refusal; 3 where nobody answers, with all still waiting."""
    run("outbox", "put", *TYPED)
    with hostile_server(Script(says={"MAIL": b"550 5.7.1 never\r\n"})) as server:
        away = via(server)
        refused = run("outbox", "send", *away, "--json")
    run("outbox", "put", *TYPED)
    nobody = run("outbox", "send", *away)

    assert (refused.code, refused.json) == (1, {"sent": 0, "waiting": 0, "failed": 1, "unknown": 0})
    assert nobody.code == 3
    assert nobody.out == "1 waiting\n"


def test_what_makes_no_sense(run: Run, tmp_path: Path) -> None:
    """Each is told, with what to do."""
    (tmp_path / "other").write_text("no database, though long enough to be looked at as one")

    def told(done: Done) -> str:
        assert done.code == 2
        return done.err

    assert "--via" in told(run("outbox", "send"))
    assert "nothing to send" in told(run("outbox", "put", "--from", "ann@example.test", "--to", "bob@example.test"))
    assert "mailward outbox list" in told(run("outbox", "retry", "nobody"))
    assert "database" in told(run("outbox", "list", "--file", tmp_path / "other"))


@pytest.mark.e2e
def test_keep_on_until_interrupted(run: Run, server: HostileServer, own_outbox: Path) -> None:
    """It sends what is put while it runs; ctrl-c ends it with 0, nothing is unknown."""
    command = [sys.executable, "-m", "mailward", "outbox", "send", "--keep-on", *via(server)]
    process = subprocess.Popen(command, env={**os.environ, "MAILWARD_OUTBOX": str(own_outbox)})
    try:
        run("outbox", "put", *TYPED)
        until = time.monotonic() + 20
        while not server.contents and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()

    assert len(server.contents) == 1
    assert [each["state"] for each in run("outbox", "list", "--json").json] == ["sent"]
