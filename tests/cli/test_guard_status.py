"""`mailward guard status`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailward.guard.state import GuardState
from mailward.server import guard_view
from tests.cli.conftest import Run
from tests.guard.doubles import keys
from tests.support.installation import ANN, Installation


def counted(place: Installation) -> None:
    """A source and an account that failed, in the spraying mode."""
    now = time.time()
    state = GuardState.open(place.state / "guard.state", sources=2000, accounts=500, key_source=keys())
    score = state.scores.of("ip:192.0.2.7")
    score.add(now, 3600.0)
    state.scores.keep("ip:192.0.2.7", score, now)
    state.spraying.begin(now, 3600.0)
    state.close()


def test_for_programs(run: Run, tmp_path: Path) -> None:
    """The mode, how full the counters are, bans and known addresses; every key is there."""
    place = Installation(tmp_path)
    counted(place)
    run("bans", "add", "192.0.2.7", "--config", place.file)
    run("bans", "add", ANN, "--config", place.file)
    told = run("guard", "status", "--json", "--config", place.file).json

    assert set(told) == {
        "time", "mode", "mode_since", "mode_until", "no_counters", "tracked_sources", "tracked_sources_most",
        "tracked_accounts", "tracked_accounts_most", "bans", "known", "list_faults",
    }  # fmt: skip
    assert (told["mode"], told["no_counters"], told["list_faults"]) == ("spraying", None, [])
    assert told["mode_since"] < told["mode_until"]
    assert (told["tracked_sources"], told["tracked_accounts"]) == (1, 0)
    assert told["bans"] == {"addresses": 1, "accounts": 1, "by_operator": 2}
    assert told["known"] == {"pairs": 0, "accounts": 0, "sources": 0}


def test_for_people(run: Run, tmp_path: Path) -> None:
    """A line each."""
    place = Installation(tmp_path)
    counted(place)
    out = run("guard", "status", "--config", place.file).out

    assert "mode              spraying, until 20" in out
    assert "tracked sources   1 of " in out
    assert "lists             in order" in out
    assert max(map(len, out.splitlines())) <= 80


def test_before_a_server_has_run(run: Run, tmp_path: Path) -> None:
    """There is nothing to tell yet, and nothing is made."""
    place = Installation(tmp_path)
    told = run("guard", "status", "--json", "--config", place.file).json

    assert told["mode"] == "normal"
    assert "is not there" in told["no_counters"]
    assert not (place.state / "guard.state").exists()


def test_faults_of_lists(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a line of its own, with what others have written in it escaped."""
    place = Installation(tmp_path)
    faults = ("allowlist.blocked: \x1b[2J does not resolve",)
    monkeypatch.setattr(guard_view, "brought_in", lambda *_lists, **_now: faults)
    out = run("guard", "status", "--config", place.file).out

    assert "lists             1 faults" in out
    assert r"! allowlist.blocked: \x1b[2J does not resolve" in out
