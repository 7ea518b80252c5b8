"""`mailward mail`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.cli import main
from mailward.cli.installation import opened
from mailward.store import messages
from mailward.store.message import NewMessage
from tests.cli.conftest import Run

CONTENT = b"Subject: a\x1b[2Jb\r\n\tfolded\r\n\r\nhi\xff\r\n" + b"x\r\n" * 300


def store(config_file: Path, number: int, *, hold: bool = True, to: tuple[str, ...] = ("bob@example.test",)) -> str:
    message = NewMessage(
        id=f"{number:026d}",
        envelope_from="ann@example.test",
        envelope_to=to,
        content=CONTENT,
        spool=None,
        size=len(CONTENT),
        received=1_700_000_000.0 + number,
        account="ann@example.test",
        source="192.0.2.7",
        session="s",
        subject="a\\x1b[2Jb folded",
        smtputf8=False,
        eightbit=True,
        hold=hold,
    )
    with opened(config_file, create=True) as place:
        place.write(lambda connection: messages.insert(connection, message))
    return message.id


def test_listed(run: Run, config_file: Path) -> None:
    """Everything there is, the oldest first, with the documented keys; --limit is the caller's choice."""
    ids = [store(config_file, number) for number in range(1, 4)]

    done = run("mail", "list", "--json", "--config", config_file)

    assert [mail["id"] for mail in done.json] == ids
    assert done.json[0] == {
        "id": ids[0],
        "envelope_from": "ann@example.test",
        "envelope_to": ["bob@example.test"],
        "subject": "a\\x1b[2Jb folded",
        "size": len(CONTENT),
        "received": "2023-11-14T22:13:21.000Z",
        "state": "kept",
        "account": "ann@example.test",
        "source": "192.0.2.7",
    }
    assert len(run("mail", "list", "--json", "--limit", "2", "--config", config_file).json) == 2


def test_listed_for_people(run: Run, config_file: Path) -> None:
    """A table within 80 columns with whole ids; nothing yet is a sentence."""
    run("user", "add", "x", "--generate", "--config", config_file)
    assert run("mail", "list", "--config", config_file).out == "no mail yet\n"
    identifier = store(config_file, 1, to=("a" * 60 + "@example.test", "b@example.test"))

    done = run("mail", "list", "--config", config_file)

    assert identifier in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_raw(config_file: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """--raw writes the stored octets and nothing else."""
    identifier = store(config_file, 1)
    capsysbinary.readouterr()

    assert main(["mail", "show", identifier, "--raw", "--config", str(config_file)]) == 0

    assert capsysbinary.readouterr().out == CONTENT


def test_shown(run: Run, config_file: Path) -> None:
    """Without --raw hostile octets are escaped and a long message is cut."""
    identifier = store(config_file, 1)

    done = run("mail", "show", identifier, "--config", config_file)

    assert r"Subject: a\x1b[2Jb" in done.out
    assert r"hi\xff" in done.out
    assert "\x1b" not in done.out
    assert "more lines: mailward mail show" in done.out
    assert run("mail", "show", identifier, "--json", "--config", config_file).json["id"] == identifier


def test_no_such_message(run: Run, installed: Path) -> None:
    """An unknown id is exit code 2."""
    done = run("mail", "show", "nope\x1b", "--config", installed)

    assert (done.code, done.err) == (2, "mailward: there is no message nope\\x1b\n  → mailward mail list\n")
