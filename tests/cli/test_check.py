"""`mailward check`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run, Running


def test_a_good_server(run: Run, running: Running) -> None:
    """Each step on a line; no mail is sent."""
    done = run("check", running.urls[1], "--ca", running.ca, "--password-file", running.password_file)

    assert done.code == 0, done.err
    assert done.out.count("✔") == 7
    assert "login" in done.out
    assert "no mail was sent" in done.out


def test_without_a_login(run: Run, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for a password."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    done = run("check", running.urls[0].rpartition("@")[2], "--ca", running.ca)

    assert done.code == 1  # a bare host and port: the port is not 465, so STARTTLS is tried
    assert "does not speak" in done.out or "greeting" in done.out or "tls" in done.out
    scheme = running.urls[0].replace("ann%40example.test@", "")
    assert "- login" in run("check", scheme, "--ca", running.ca).out


def test_what_is_wrong(run: Run, running: Running) -> None:
    """Exit code 1, the step that failed, and what to do."""
    done = run("check", running.urls[0], "--password-file", running.password_file)

    assert done.code == 1
    assert "✘ certificate" in done.out
    assert "→" in done.out
    assert run("check", running.urls[0], "--password-file", running.password_file, "--json").json["ok"] is False
