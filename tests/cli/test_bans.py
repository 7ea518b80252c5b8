"""`mailward bans`."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
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


def test_each_line_says_all(run: Run, installed: Path) -> None:
    """For programs: who placed it, by which rule, for how many times; the keys do not change."""
    ban(installed, "ip:192.0.2.7")
    (one,) = run("bans", "list", "--json", "--config", installed).json

    assert set(one) == {"subject", "reason", "rule", "by", "times", "added", "until"}
    assert (one["by"], one["times"]) == ("guard", 1)


def test_added(run: Run, installed: Path) -> None:
    """The operator's ban is in the book with the words for it, and an event in the database and in the file."""
    done = run("bans", "add", "192.0.2.7", "--for", "2h", "--reason", "probing since noon", "--config", installed)

    assert done.code == 0
    assert done.out.startswith("✔ ip:192.0.2.7 is refused until 20")
    (one,) = run("bans", "list", "--json", "--config", installed).json
    assert (one["subject"], one["by"], one["rule"], one["reason"]) == (
        "ip:192.0.2.7",
        "operator",
        "operator",
        "probing since noon",
    )
    length = datetime.fromisoformat(one["until"]) - datetime.fromisoformat(one["added"])
    assert length == timedelta(hours=2)
    event = run("events", "--json", "--config", installed).json
    assert (event["type"], event["subject"], event["reason"]) == ("ban.added", "ip:192.0.2.7", "operator")
    assert '"ban.added"' in (installed.parent / "state" / "events.jsonl").read_text()


def test_added_for_a_day_or_until_a_moment(run: Run, installed: Path) -> None:
    """A day unless one says otherwise."""
    run("bans", "add", "ann@example.test", "--config", installed)
    run("bans", "add", "2001:db8::1", "--until", "2031-05-01T12:00Z", "--config", installed)
    first, second = run("bans", "list", "--json", "--config", installed).json

    assert first["subject"] == "account:ann@example.test"
    assert datetime.fromisoformat(first["until"]) - datetime.fromisoformat(first["added"]) == timedelta(days=1)
    assert (second["subject"], second["until"]) == ("ip:2001:db8::/64", "2031-05-01T12:00:00.000Z")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("192.0.2.0/24",), "allowlist.blocked"),
        (("192.0.2.7", "--for", "soon"), "no span"),
        (("192.0.2.7", "--for", "0s"), "in the future"),
        (("192.0.2.7", "--for", "999999d"), "in the future"),
        (("192.0.2.7", "--until", "soon"), "no time"),
        (("192.0.2.7", "--until", "1999-01-01"), "in the future"),
        (("192.0.2.7", "--until", "2031-01-01", "--for", "1h"), "exclude"),
        (("192.0.2.7", "--reason", "\x1b[31m"), "cannot be shown"),
        (("192.0.2.7", "--reason", ""), "is empty"),
        (("session:1234567890ab",), "is a session"),
    ],
)
def test_what_cannot_be_added(run: Run, installed: Path, arguments: tuple[str, ...], told: str) -> None:
    """It is exit code 2, says why, and nobody is banned."""
    done = run("bans", "add", *arguments, "--config", installed)

    assert done.code == 2
    assert told in done.err
    assert run("bans", "list", "--json", "--config", installed).json == []


@pytest.fixture
def spared(installed: Path) -> Path:
    """With a webmail that is never banned and a proxy."""
    text = installed.read_text().replace('tls = "implicit"', 'tls = "implicit"\nproxy = ["192.0.2.66"]')
    installed.write_text(text + '[allowlist]\nnever_ban = ["192.0.2.64", "2001:db8::25", "198.51.100.0/24"]\n')
    return installed


@pytest.mark.parametrize("subject", ["192.0.2.64", "192.0.2.66", "2001:db8::1", "198.51.100.7"])
def test_never_those_behind_whom_many_stand(run: Run, spared: Path, subject: str) -> None:
    """Neither what is in never_ban, nor a proxy, nor the /64 that one of them is in; it says what to do."""
    done = run("bans", "add", subject, "--config", spared)

    assert done.code == 2
    assert "allowlist.never_ban" in done.err
    assert "→ take it out of" in done.err
    assert run("bans", "add", "192.0.2.65", "--config", spared).code == 0


def test_exported(run: Run, spared: Path) -> None:
    """Only addresses that nobody has logged in from, no proxy, and no account; --all leaves out only the last two."""
    for subject in ("ip:192.0.2.7", "ip:192.0.2.8", "ip:192.0.2.64", "ip:192.0.2.66", "ip:2001:db8::/64"):
        ban(spared, subject)
    ban(spared, "account:ann@example.test")
    ban(spared, "ip:192.0.2.9", seconds=-1)
    with opened(spared) as place:
        place.write(
            lambda connection: connection.execute("INSERT INTO proven_sources VALUES (?, 1.0)", ("ip:192.0.2.8",))
        )

    plain = run("bans", "export", "--config", spared).out.splitlines()
    every = run("bans", "export", "--all", "--format", "json", "--ports", "25,465", "--config", spared).json

    assert plain[1:] == ["192.0.2.7"]
    assert [each["address"] for each in every["bans"]] == ["192.0.2.7", "192.0.2.8"]
    assert every["ports"] == [25, 465]
    assert all(890 <= each["seconds"] <= 900 for each in every["bans"])


@pytest.mark.parametrize("ports", ["", "0", "65536", "25;drop", "25,", "²5"])
def test_ports_are_numbers(run: Run, installed: Path, ports: str) -> None:
    """Nothing else gets into a firewall's rules."""
    assert run("bans", "export", "--ports", ports, "--config", installed).code == 2


def test_no_export_by_guess(run: Run, installed: Path) -> None:
    """Where a list of those who are never banned cannot be read, nothing is printed that might ban them."""
    (installed.parent / "never.cidr").write_text("192.0.2.64\n")
    installed.write_text(installed.read_text() + '[allowlist]\nnever_ban = ["file:never.cidr"]\n')
    ban(installed, "ip:192.0.2.7")
    assert "192.0.2.7" in run("bans", "export", "--config", installed).out
    (installed.parent / "never.cidr").write_text("rubbish\n")

    done = run("bans", "export", "--config", installed)

    assert (done.code, done.out) == (2, "")
    assert "never.cidr" in done.err
