"""`mailward demo`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mailward.cli import demo
from tests.cli.conftest import Run

RUN = "import sys; from mailward.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.slow
def test_the_story(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told whole, every claim holds, exit code 0, and nothing is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    done = run("demo")

    assert done.code == 0, done.out
    assert "guess 6" in done.out
    assert "454 4.7.0" in done.out
    assert "✘" not in done.out
    assert done.out.count("✔") >= 10
    assert list(tmp_path.iterdir()) == []
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.slow
def test_kept(tmp_path: Path) -> None:
    """--keep tells how to go on and stays until it is told to stop."""
    command = [sys.executable, "-c", RUN, "demo", "--keep"]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = list(iter(process.stdout.readline, "ready\n"))
        (file,) = tmp_path.glob("*/mailward.toml")
        listed = subprocess.run(
            [sys.executable, "-m", "mailward", "mail", "list", "--json", "--config", str(file)],
            capture_output=True,
            check=True,
        )
        process.terminate()
        process.communicate(timeout=20)

    assert any(line.startswith("  mailward send --via smtps://ann%40localhost@127.0.0.1:") for line in told)
    assert any(line == f"  mailward events --follow --config {file}\n" for line in told)
    assert len(json.loads(listed.stdout)) == 3
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """Stopped in the middle of the story, it leaves nothing behind."""
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin"}
    command = [sys.executable, "-m", "mailward", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(number)
        _, told = process.communicate(timeout=20)

    assert process.returncode == 128 + number
    assert b"Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of the story marks what was not shown."""
    story = demo._Story(silent=False)
    story.claim("pigs fly", held=False)

    story.end()

    assert "✘ pigs fly" in capsys.readouterr().out


def test_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the story is not told."""
    demo._Story(silent=True).scene("A scene")

    assert capsys.readouterr().out == ""
