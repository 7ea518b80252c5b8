"""`mailward breached`."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Run

LIST = "lavendelwiese\nmohnblumenfeld\n"


@pytest.fixture
def built(run: Run, tmp_path: Path) -> Path:
    (tmp_path / "list.txt").write_text(LIST)
    assert run("breached", "build", tmp_path / "list.txt", tmp_path / "own.filter").code == 0
    return tmp_path / "own.filter"


def say(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))


def test_build(run: Run, tmp_path: Path) -> None:
    """It tells what the filter holds, and leaves nothing else behind."""
    (tmp_path / "list.txt").write_text(LIST)
    done = run("breached", "build", tmp_path / "list.txt", tmp_path / "own.filter", "--json")

    assert done.code == 0
    assert {key: done.json[key] for key in ("entries", "lines", "skipped")} == {"entries": 2, "lines": 2, "skipped": 0}
    assert done.json["octets"] == (tmp_path / "own.filter").stat().st_size
    assert done.json["rate"] <= 1e-6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", "own.filter"]


def test_build_from_standard_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With - it reads a pipe; hashes with counts are known by their look."""
    digest = hashlib.sha1(b"lavendelwiese", usedforsecurity=False).hexdigest()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{digest}:12\r\n".encode())))
    assert run("breached", "build", "-", tmp_path / "own.filter").code == 0

    say(monkeypatch, "lavendelwiese")
    assert run("breached", "check", tmp_path / "own.filter").code == 1


def test_build_what_cannot_be(run: Run, tmp_path: Path) -> None:
    """No such file, an empty one, nowhere to write: exit code 2 and no filter."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "list.txt").write_text(LIST)

    assert "missing: No such file" in run("breached", "build", tmp_path / "missing", tmp_path / "f").err
    assert run("breached", "build", tmp_path / "empty", tmp_path / "f").code == 2
    assert run("breached", "build", tmp_path / "list.txt", tmp_path / "nowhere" / "f").code == 2
    assert "are one file" in run("breached", "build", tmp_path / "list.txt", tmp_path / "list.txt").err
    assert (tmp_path / "list.txt").read_text() == LIST
    assert not (tmp_path / "f").exists()


def test_check(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 for what is in it or built on it, 0 for what is not; the password is not repeated."""
    for password, code, word in (
        ("lavendelwiese", 1, "is in the set"),
        ("Lavendelwiese99!", 1, "is built on one"),
        ("sonnenblumen", 0, "is not in the set"),
    ):
        say(monkeypatch, password)
        done = run("breached", "check", built)

        assert (done.code, word in done.out) == (code, True)
        assert password not in done.out + done.err


def test_check_the_list_that_comes_along(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file, that one is asked."""
    say(monkeypatch, "Summer2024!")
    done = run("breached", "check", "--json")

    assert done.code == 1
    assert done.json == {"breached": False, "built_on_breached": True}


def test_info(run: Run, built: Path) -> None:
    """What it holds; without a file, of the list that comes along."""
    assert "2 hashes" in run("breached", "info", built).out
    assert run("breached", "info", built, "--json").json["entries"] == 2
    assert run("breached", "info", "--json").json["entries"] > 400_000


def test_damage_is_told(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed octet, a cut file and a file of another kind: exit code 2, the file's name and what to do."""
    octets = built.read_bytes()
    built.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert "damaged" in run("breached", "info", built).err

    built.write_bytes(octets[:-1])
    say(monkeypatch, "lavendelwiese")
    done = run("breached", "check", built)
    assert (done.code, "own.filter is damaged" in done.err, "build it anew" in done.err) == (2, True, True)

    built.write_text(LIST)
    assert "mailward breached build" in run("breached", "info", built).err
