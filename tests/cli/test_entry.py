"""The command itself: what there is, and how every failure is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mailward import errors
from mailward.cli import entry
from tests.cli.conftest import Run


def test_help(run: Run) -> None:
    """`mailward --help` lists every command and the exit codes, within 80 columns."""
    done = run("--help")

    assert done.code == 0
    for name in ("demo", "serve", "check-config", "send", "user", "mail", "queue", "events", "bans", "drill"):
        assert f"\n  {name} " in done.out
    assert "4  the outcome is unknown" in done.out
    assert "..." not in done.out.partition("Commands:")[2]
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["demo", "serve", "check-config", "send", "drill", "user", "mail", "events"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    """Each has a help text within 80 columns."""
    done = run(command, "--help")

    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80


def test_version(run: Run) -> None:
    """`mailward --version` is one line."""
    assert run("--version").out.startswith("mailward 0.")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["mial"], "did you mean 'mail'?"),
        (["frobnicate"], "No such command"),
        (["mail", "list", "--limt", "3"], "--limit"),
        (["mail", "list", "--limit", "0"], "--limit"),
        (["mail", "show"], "ID"),
        (["send"], "--via"),
    ],
)
def test_usage(run: Run, arguments: list[str], told: str) -> None:
    """What was mistyped is exit code 2, with the nearest right one."""
    done = run(*arguments)

    assert done.code == 2
    assert told in done.err
    assert done.out == ""


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(entry.mailward, "main", fail)


@pytest.mark.parametrize(
    "error, code, told",
    [
        (errors.TlsRequired("no\x1b[2J TLS", advice="see ca="), 3, "mailward: no\\x1b[2J TLS\n  → see --ca\n"),
        (errors.OutcomeUnknown("gone"), 4, "mailward: gone\n"),
        (errors.PasswordRefused(("short", "common")), 1, "mailward: the password is refused:\n  - short\n  - common\n"),
        (FileNotFoundError(2, "No such file or directory", "x.eml"), 2, "mailward: x.eml: No such file or directory\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_failures(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, told: str) -> None:
    """A failure is one line on standard error, what to do next, and its exit code; never a stack trace."""
    failing(monkeypatch, error)

    done = run("mail", "list")

    assert (done.code, done.err, done.out) == (code, told, "")


@pytest.mark.parametrize(
    "advice, told",
    [
        ("give its certificate with ca=; verification stays", "give its certificate with --ca; verification stays"),
        ('use tls="starttls" or an smtp:// URL', "use --tls starttls or an smtp:// URL"),
        ("or allow more with timeout=", "or allow more with --timeout"),
        ("timeout total: it must be above 0", "--timeout: it must be above 0"),
        ("add To, or give the recipients explicitly", "add To, or give --to"),
        ("log in first: give auth= or a URL with user and password", "log in first: give --user, or smtps://user@host"),
        ("it may be tls=auto or tls=implicit", "it may be tls=auto or tls=implicit"),
        ('give pin="sha256/Az0+/9=" or cert=', "give --pin sha256/Az0+/9= or --cert"),
    ],
)
def test_advice_speaks_of_options(advice: str, told: str) -> None:
    """Advice meant for a Python caller names the option of the command line instead."""
    assert entry.in_options(advice) == told


def test_a_reader_that_leaves(installed: Path) -> None:
    """`mailward user list | head -1` ends quietly."""
    code = "import sys; from mailward.cli import main; sys.stdout.flush(); sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "user", "list", "--json", "--config", str(installed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()

    assert told == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    "redirection, code", [(">&-", 0), ("2>&-", 0), ("> /dev/full", 2), ("> /dev/full 2> /dev/full", 2), ("<&-", 0)]
)
def test_streams_that_are_closed_or_full(installed: Path, redirection: str, code: int) -> None:
    """No stack trace, and the exit code stays what it is."""
    run = f'exec "{sys.executable}" -m mailward user list --config "{installed}" {redirection}'

    done = subprocess.run(["sh", "-c", run], capture_output=True, text=True, check=False)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_failure_nobody_reads(tmp_path: Path) -> None:
    """`mailward check-config --json … | true` keeps its own exit code."""
    file = tmp_path / "mailward.toml"
    file.write_text("nonsense = 1\n")
    command = [sys.executable, "-m", "mailward", "check-config", "--json", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait()

    assert process.returncode == 2
