"""`mailward drill`, against our own server."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.audit import recorded
from tests.cli.conftest import ANN, Run, Running


@pytest.fixture
def server(running: Running) -> str:
    return running.urls[0].rpartition("@")[2]


def test_the_whole_ladder(run: Run, running: Running, server: str) -> None:
    """Six wrong passwords: delays grow, the sixth is not looked at, each is one event in the file."""
    done = run(
        "drill", server, "--user", ANN, "--wrong", "6", "--ca", running.ca,
        "--local-address", "127.0.0.9", "--events", running.event_file, "--json",
    )  # fmt: skip

    assert done.code == 0, done.err
    report = done.json
    codes = [attempt["code"] for attempt in report["attempts"]]
    assert codes == [535, 535, 535, 535, 535, 454]
    assert [attempt["closed"] for attempt in report["attempts"]] == [False, False, True, False, False, True]
    assert (report["throttled_from"], report["locked_from"]) == (2, 6)
    assert [attempt["events"] for attempt in report["attempts"]] == [1] * 6
    assert report["recorded"] is True
    assert report["accepted"] is None


def test_for_people(run: Run, running: Running, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reply with its delay, then what was and was not seen; an attempt missing in the file is exit code 1."""
    monkeypatch.setattr(recorded, "_PATIENCE", 0.2)
    (tmp_path / "other.jsonl").touch()

    done = run(
        "drill", server, "--tls", "implicit", "--user", ANN, "--wrong", "2", "--ca", running.ca,
        "--local-address", "127.0.0.10", "--events", tmp_path / "other.jsonl",
    )  # fmt: skip

    assert done.code == 1
    assert "  1   0." in done.out
    assert "535 5.7.8" in done.out
    assert "✘ no lockout seen" in done.out
    assert "✘ 0 of 2 attempts are one event each" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["127.0.0.1:1", "--user", ANN, "--wrong", "21"],
        ["127.0.0.1:1", "--user", ANN, "--wrong", "0"],
        ["127.0.0.1:1", "--user", ANN, "--events", "/absent/events.jsonl"],
        ["127.0.0.1:1"],
        ["http://127.0.0.1", "--user", ANN],
    ],
)
def test_mistakes(run: Run, arguments: list[str]) -> None:
    """Too many attempts, no user, no such file: exit code 2, and nothing is tried."""
    assert run("drill", *arguments).code == 2


def test_nobody_there(run: Run) -> None:
    """No connection at all is exit code 3."""
    assert run("drill", "127.0.0.1:1", "--user", ANN).code == 3
