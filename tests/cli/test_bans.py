"""`mailward bans`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailward.cli.bans import subject_of
from mailward.cli.installation import opened
from mailward.store import bans
from mailward.store.bans import Ban
from tests.cli.conftest import Run


def ban(config_file: Path, subject: str, *, seconds: float = 900) -> None:
    now = time.time()
    with opened(config_file) as place:
        place.write(bans.insert(Ban(subject, "source-failures", now, now + seconds)))


def test_listed(run: Run, installed: Path) -> None:
    """The bans in force; one that has ended is none."""
    ban(installed, "ip:192.0.2.7")
    ban(installed, "ip:192.0.2.8", seconds=-1)

    (one,) = run("bans", "list", "--json", "--config", installed).json

    assert (one["subject"], one["reason"]) == ("ip:192.0.2.7", "source-failures")
    assert one["added"] < one["until"]
    assert "ip:192.0.2.7" in run("bans", "list", "--config", installed).out


@pytest.mark.parametrize(
    "subject, written",
    [
        ("ip:192.0.2.7", "192.0.2.7"),
        ("ip:192.0.2.7", "::ffff:192.0.2.7"),
        ("ip:2001:db8::/64", "2001:db8::1"),
        ("ip:2001:db8::/64", "ip:2001:db8::/64"),
        ("ip:2001:db8::/64", "2001:db8::/64"),
        ("account:ann@example.test", "Ann@Example.test"),
        ("account:ann@example.test", "account:ann@example.test"),
    ],
)
def test_subjects(subject: str, written: str) -> None:
    """A person may write an address or an account; IPv6 is banned by /64."""
    assert subject_of(written) == subject


def test_removed(run: Run, installed: Path) -> None:
    """A ban is lifted at once, which is an event in the database and in the file."""
    ban(installed, "ip:192.0.2.7")

    done = run("bans", "remove", "192.0.2.7", "--config", installed)

    assert (done.code, done.out) == (0, "✔ ip:192.0.2.7 may try again\n")
    assert run("bans", "list", "--json", "--config", installed).json == []
    event = run("events", "--json", "--config", installed).json
    assert (event["type"], event["subject"], event["reason"]) == ("ban.removed", "ip:192.0.2.7", "operator")
    assert '"ban.removed"' in (installed.parent / "state" / "events.jsonl").read_text()


def test_nothing_to_lift(run: Run, installed: Path) -> None:
    """Somebody who is not banned is exit code 2, and nothing is told to have happened."""
    done = run("bans", "remove", "192.0.2.7", "--config", installed)

    assert done.code == 2
    assert "is not banned" in done.err
    assert run("events", "--json", "--config", installed).out == ""
