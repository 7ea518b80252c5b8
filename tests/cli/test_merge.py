"""`mailward merge`, against our own server."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import ANN, Done, Run, Running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "body.html").write_text("<p>Hi {{ name }}</p>")
    (tmp_path / "rows.csv").write_text(
        "email,name\r\n" + "".join(f"r{number}@example.test,<Bob {number}>\r\n" for number in range(30))
    )
    return tmp_path


@pytest.fixture
def merge(run: Run, running: Running, folder: Path) -> Run:
    """`mailward merge` with the server and the rows."""

    def typed(*arguments: str | Path) -> Done:
        return run(
            "merge", "--via", running.urls[0], "--ca", running.ca, "--password-file", running.password_file,
            "--rows", folder / "rows.csv", "--html-file", folder / "body.html", "--subject", "To {{ name }}",
            *arguments,
        )  # fmt: skip

    return typed


def test_all_are_accepted(merge: Run, run: Run, running: Running) -> None:
    """One message for each row, over several connections; exit code 0 and the account."""
    before = len(run("mail", "list", "--json", "--config", running.config_file).json)
    done = merge("--connections", "3")

    assert done.code == 0, done.err
    assert done.out == "30 accepted, 0 failed, 0 not handled\n"
    mails = run("mail", "list", "--json", "--config", running.config_file).json
    assert len(mails) == before + 30
    assert {"To <Bob 7>"} <= {mail["subject"] for mail in mails}


def test_rows_that_are_wrong_do_not_stop_the_rest(merge: Run, folder: Path) -> None:
    """What cannot be made and what is refused is counted, told, and written whole to --failed."""
    with (folder / "rows.csv").open("a") as file:
        file.write("no address,Eve\r\nr30@example.test,Bob 30\r\n")
    done = merge("--failed", folder / "failed.jsonl", "--json")

    assert done.code == 1
    assert done.json["accepted"] == 31
    assert (done.json["failed"], done.json["not_handled"]) == (1, 0)
    assert "line 32" in done.json["told"][0]
    assert len([json.loads(line) for line in (folder / "failed.jsonl").read_text().splitlines()]) == 1


def test_a_refused_message(merge: Run) -> None:
    """Somebody else's address as sender: each is a failure of its own."""
    done = merge("--from", "eve@example.test")

    assert done.code == 1
    assert "0 accepted, 30 failed, 0 not handled" in done.out
    assert done.err.count("✘ ") == 20
    assert "and 10 more" in done.err


def test_nobody_is_there(run: Run, folder: Path) -> None:
    """The account stands there too: nothing was handled."""
    done = run(
        "merge", "--via", "smtps://127.0.0.1:1", "--rows", folder / "rows.csv", "--html-file", folder / "body.html",
        "--subject", "x", "--from", ANN,
    )  # fmt: skip

    assert done.code == 3
    assert done.out == "0 accepted, 0 failed, 30 not handled\n"
    assert "cannot connect" in done.err


def test_what_is_missing(merge: Run, run: Run, folder: Path) -> None:
    """Before anything is opened."""
    assert "no server" in run("merge", "--rows", folder / "rows.csv", "--subject", "x").err
    (folder / "rows.csv").write_bytes(b"email\r\n\xff\xfe\r\n")
    assert "no CSV in UTF-8" in merge().err


def test_a_bar_on_a_terminal(running: Running, folder: Path) -> None:
    """How far it is, and how long it will take, where somebody looks."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable, "-m", "mailward", "merge", "--via", running.urls[0], "--ca", str(running.ca),
        "--password-file", str(running.password_file), "--rows", str(folder / "rows.csv"),
        "--html-file", str(folder / "body.html"), "--subject", "x", "--from", ANN,
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:
        pass
    os.close(ours)

    assert process.returncode == 0
    assert out == b"30 accepted, 0 failed, 0 not handled\n"
    assert b"30/30" in shown


@pytest.mark.e2e
def test_interrupted(running: Running, run: Run, folder: Path) -> None:
    """ctrl-c ends it with 130 and an account that agrees with what the server has taken."""
    rows = "".join(f"i{number}@interrupted.test,Bob\r\n" for number in range(2000))
    (folder / "rows.csv").write_text("email,name\r\n" + rows)
    command = [
        sys.executable, "-m", "mailward", "merge", "--via", running.urls[0], "--ca", str(running.ca),
        "--password-file", str(running.password_file), "--rows", str(folder / "rows.csv"), "--rate", "100/s",
        "--html-file", str(folder / "body.html"), "--subject", "x", "--from", ANN, "--json",
    ]  # fmt: skip

    def taken() -> int:
        mails = run("mail", "list", "--json", "--config", running.config_file).json
        return sum("@interrupted.test" in str(mail) for mail in mails)

    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 20
        while not taken() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 130
    account = json.loads(out)
    assert 0 < account["accepted"] < 2000
    assert account["accepted"] == taken() == 2000 - account["not_handled"]
