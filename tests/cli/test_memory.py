"""`mailward memory`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.client.memory import Memory
from mailward.store.client_memory import Channel, Login
from tests.cli.conftest import Run

MAY = 1_777_636_800.0  # 2026-05-01T12:00Z
CHANNEL = Channel(
    host="mail.example.test",
    port=465,
    tls="TLSv1.3",
    implicit=True,
    requiretls=True,
    verified_by="system CAs",
    pin="sha256/AAAA",
    first=MAY,
    seen=MAY,
)
LOGIN = Login(
    host="mail.example.test",
    role="submission",
    account="ann\x1b[2J@example.test",
    kind="password",
    mechanism="SCRAM-SHA-256-PLUS",
    strength=45,
    first=MAY,
    seen=MAY,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A memory of one server and one login."""
    path = tmp_path / "memory.db"
    Memory(path).keep(CHANNEL, LOGIN)
    return path


def test_listed(run: Run, file: Path) -> None:
    """For people: the server and the login, escaped."""
    done = run("memory", "list", "--file", file)

    assert done.code == 0
    assert "mail.example.test  465   TLS 1.3  implicit" in done.out
    assert "SCRAM-SHA-256-PLUS" in done.out
    assert "\x1b" not in done.out


def test_each_line_says_all(run: Run, file: Path) -> None:
    """For programs: everything that is remembered; the keys do not change."""
    told = run("memory", "list", "--json", "--file", file).json

    assert told == {
        "channels": [
            {
                "host": "mail.example.test",
                "port": 465,
                "tls": "TLSv1.3",
                "mode": "implicit",
                "requiretls": True,
                "verified_by": "system CAs",
                "pin": "sha256/AAAA",
                "first": "2026-05-01T12:00:00.000Z",
                "seen": "2026-05-01T12:00:00.000Z",
            }
        ],
        "logins": [
            {
                "host": "mail.example.test",
                "port": "submission",
                "account": "ann\x1b[2J@example.test",
                "credential": "password",
                "mechanism": "SCRAM-SHA-256-PLUS",
                "first": "2026-05-01T12:00:00.000Z",
                "seen": "2026-05-01T12:00:00.000Z",
            }
        ],
    }


def test_forgotten(run: Run, file: Path) -> None:
    """One host, however it is spelled; then nothing is known of it."""
    done = run("memory", "forget", "Mail.Example.test.", "--file", file)

    assert (done.code, done.out) == (0, "✔ forgotten: mail.example.test\n")
    assert run("memory", "list", "--file", file).out == "no server is known\n"
    again = run("memory", "forget", "mail.example.test", "--file", file)
    assert again.code == 2
    assert "nothing is known of mail.example.test" in again.err


def test_all_forgotten(run: Run, file: Path) -> None:
    """Every server at once is asked for by name."""
    assert run("memory", "forget", "--all", "--json", "--file", file).json == {"host": None, "forgotten": 2}
    assert run("memory", "forget", "--all", "--file", file).code == 0
    assert run("memory", "forget", "--file", file).code == 2
    assert run("memory", "forget", "--all", "mail.example.test", "--file", file).code == 2


def test_nothing_is_made_by_looking(run: Run, tmp_path: Path) -> None:
    """A memory that nobody has written yet is empty, and is not made."""
    assert run("memory", "list", "--file", tmp_path / "memory.db").out == "no server is known\n"
    assert run("memory", "forget", "--all", "--file", tmp_path / "memory.db").code == 0
    assert list(tmp_path.iterdir()) == []


def test_where_it_is(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MAILWARD_MEMORY names the file; where it is off there is nothing to show."""
    monkeypatch.setenv("MAILWARD_MEMORY", str(file))
    assert "mail.example.test" in run("memory", "list").out

    monkeypatch.setenv("MAILWARD_MEMORY", "off")
    done = run("memory", "list")
    assert done.code == 2
    assert "MAILWARD_MEMORY is off" in done.err


def test_a_file_of_another_kind(run: Run, tmp_path: Path) -> None:
    """It is left as it is, and named."""
    (tmp_path / "memory.db").write_text("no database at all, but long enough to look like one" * 20)
    done = run("memory", "list", "--file", tmp_path / "memory.db")

    assert done.code == 2
    assert "memory.db is damaged or is not a database" in done.err
