"""`mailward events`."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import mailward.events
from mailward.cli.events import TYPES, in_words
from mailward.cli.installation import opened
from mailward.events import BanAdded, Event, LoginFailed, LoginSucceeded, MessageAccepted
from mailward.store import events
from tests.cli.conftest import Run

NOW = datetime.now(UTC)
OLD = LoginFailed(time=NOW - timedelta(hours=3), source="192.0.2.7", account="a\x1b[2J", reason="bad-password")
NEW = LoginSucceeded(time=NOW, source="127.0.0.1", account="ann@example.test", mechanism="PLAIN")
MAIL = MessageAccepted(time=NOW, message="01X", envelope_to=("b@example.test", "c@example.test"))


def append(config_file: Path, *happened: Event) -> None:
    with opened(config_file) as place:
        for event in happened:
            place.write(partial(events.append, event=event))


def lines(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_object_a_line(run: Run, installed: Path) -> None:
    """--json prints each event on its line, in order, with every documented key, in ASCII."""
    append(installed, OLD, NEW, MAIL)

    done = run("events", "--json", "--config", installed)

    told = lines(done.out)
    assert [event["type"] for event in told] == ["login.failed", "login.succeeded", "message.accepted"]
    for key in ("time", "type", "source", "account", "mechanism", "reason", "listener", "session"):
        assert key in told[0]
    assert done.out.isascii()


@pytest.mark.parametrize(
    "filters, kinds",
    [
        (["--type", "login.failed"], ["login.failed"]),
        (["--type", "login.failed", "--type", "login.succeeded"], ["login.failed", "login.succeeded"]),
        (["--since", "1h"], ["login.succeeded", "message.accepted"]),
        (["--since", (NOW - timedelta(days=1)).isoformat()], ["login.failed", "login.succeeded", "message.accepted"]),
        (["--account", "ann@example.test"], ["login.succeeded"]),
        (["--source", "192.0.2.7"], ["login.failed"]),
        (["--limit", "2"], ["login.succeeded", "message.accepted"]),
        (["--since", "1h", "--limit", "1"], ["message.accepted"]),
        (["--source", "::ffff:192.0.2.7"], ["login.failed"]),
    ],
)
def test_filters(run: Run, installed: Path, filters: list[str], kinds: list[str]) -> None:
    """By type, time, account, source and number."""
    append(installed, OLD, NEW, MAIL)

    assert [event["type"] for event in lines(run("events", "--json", *filters, "--config", installed).out)] == kinds


def test_for_people(run: Run, installed: Path) -> None:
    """One line an event under its day; what was typed by an attacker is escaped."""
    append(installed, OLD, NEW)

    told = run("events", "--config", installed).out

    day, failed, succeeded = told.splitlines()
    assert "(UTC)" in day
    assert r"login.failed       192.0.2.7        a\x1b[2J  bad-password" in failed
    assert succeeded[10:] == "login.succeeded    127.0.0.1        ann@example.test  PLAIN"


def test_words() -> None:
    """A line says when, what, from where, who and why; a banned address once."""
    event = BanAdded(time=NOW, source="192.0.2.7", reason="source-failures", subject="ip:192.0.2.7", until=1.0)
    account = BanAdded(time=NOW, source="192.0.2.7", reason="account-failures", subject="account:ann", until=1.0)

    assert in_words(event, 80).endswith("ban.added          192.0.2.7        source-failures")
    assert in_words(account, 80).endswith("account-failures  account:ann")
    assert in_words(MAIL, 80).endswith("message.accepted   -                01X  b@example.test +1")
    assert in_words(LoginFailed(time=NOW, reason="x", repeated=True), 80).endswith("x  (the same password again)")


@pytest.mark.parametrize("width", [50, 60, 70, 80])
def test_narrow(width: int) -> None:
    """No line is longer than the terminal; what is cut says so, what is left out is in --json."""
    event = LoginFailed(time=NOW, source="192.0.2.7", account="a" * 30, reason="bad-password", mechanism="PLAIN")

    assert len(in_words(event, width)) <= width


def test_every_type_can_be_asked_for() -> None:
    """--type knows the tag of every event there is."""
    kinds = mailward.events.Event.__args__

    assert set(TYPES) == {kind.__struct_config__.tag for kind in kinds}


@pytest.mark.parametrize(
    "filters",
    [["--type", "login.faild"], ["--since", "yesterday-ish"], ["--source", "nonsense"], ["--account", "a\x1b[2J"]],
)
def test_mistakes(run: Run, installed: Path, filters: list[str]) -> None:
    """An unknown type, an unreadable time, no address and no account name are exit code 2."""
    assert run("events", *filters, "--config", installed).code == 2


def test_follow(installed: Path) -> None:
    """--follow prints what was, goes on with what happens, and ends in order on ctrl-c."""
    append(installed, OLD)
    code = "import sys; from mailward.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "events", "--follow", "--json", "--config", str(installed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        append(installed, NEW)
        second = process.stdout.readline()
        process.send_signal(2)
        told = process.stderr.read()

    assert [json.loads(line)["type"] for line in (first, second)] == ["login.failed", "login.succeeded"]
    assert (process.returncode, told) == (0, "")
