"""The fuzz targets keep their convention, and the runner finds and keeps a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.run import TARGETS, load
from tests.house.tree import ROOT

RUN = ROOT / "fuzz" / "run.py"
PLANTED = """
SEEDS = [b"ann@example.test"]

def target(data: bytes) -> None:
    if data.endswith(b"\\0"):
        raise ValueError("planted")
"""


@pytest.mark.parametrize("path", sorted(TARGETS.glob("*.py")), ids=lambda path: path.stem)
def test_seeds_pass(path: Path) -> None:
    """Every target takes each of its seeds without a crash."""
    target = load(path)

    assert target.seeds
    for seed in target.seeds:
        target.run(seed)


@pytest.mark.parametrize("engine", ["mutations", "atheris"])
def test_a_crash_is_found_kept_and_replayed(tmp_path: Path, engine: str) -> None:
    """A planted bug ends the run with 1, and the kept input shows it again."""
    if engine == "atheris":
        pytest.importorskip("atheris")
    (tmp_path / "planted.py").write_text(PLANTED)
    command = [sys.executable, str(RUN), "--targets", str(tmp_path), "--crashes", str(tmp_path), "--engine", engine]

    done = subprocess.run([*command, "--seconds", "20"], check=False, capture_output=True, text=True)
    kept = next(tmp_path.glob("planted-crash-*"))
    replay = [sys.executable, str(RUN), "--replay", str(tmp_path / "planted.py"), str(kept)]
    again = subprocess.run(replay, check=False, capture_output=True, text=True)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted: CRASH" in done.stdout
    assert again.returncode == 1
    assert "ValueError: planted" in again.stderr
