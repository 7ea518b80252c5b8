"""`mailward check-config`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_sound(run: Run, config_file: Path) -> None:
    """A sound file is exit code 0 and told in words; nothing is made."""
    done = run("check-config", config_file)

    assert done.code == 0
    assert "is sound" in done.out
    assert "127.0.0.1:0 (starttls)" in done.out
    assert sorted(path.name for path in config_file.parent.iterdir()) == ["mailward.toml"]


def test_every_fault(run: Run, config_file: Path) -> None:
    """Each fault is one line with file, line, key and the nearest right key; exit code 2."""
    config_file.write_text(config_file.read_text().replace("address =", "adress =", 1).replace("delay_m", "dellay_m"))

    done = run("check-config", config_file)

    assert done.code == 2
    assert done.out == ""
    assert done.err.splitlines() == [
        f"mailward: {config_file}:4: listener[0].adress: unknown key; did you mean `address`?",
        f"mailward: {config_file}:11: guard.dellay_most: unknown key; did you mean `delay_most`?",
    ]


def test_as_json(run: Run, config_file: Path) -> None:
    """The same for programs."""
    assert run("check-config", config_file, "--json").json == {"valid": True, "faults": [], "warnings": []}

    config_file.write_text(config_file.read_text().replace("hostname", "hostnme"))
    done = run("check-config", config_file, "--json")

    assert done.code == 2
    assert done.json["valid"] is False
    assert [(fault["line"], fault["key"]) for fault in done.json["faults"]] == [(1, "hostnme")]


def test_warnings(run: Run, config_file: Path) -> None:
    """What is dangerous but allowed is told, and is not a fault."""
    text = config_file.read_text().replace('"starttls"', '"insecure-plaintext"')
    config_file.write_text(text)

    done = run("check-config", config_file)

    assert done.code == 0
    assert "! nobody can send through an insecure-plaintext listener" in done.out


def test_no_file(run: Run, tmp_path: Path) -> None:
    """A file that is not there is one line."""
    done = run("check-config", tmp_path / "absent.toml")

    assert (done.code, done.err) == (2, f"mailward: {tmp_path}/absent.toml: No such file or directory\n")
