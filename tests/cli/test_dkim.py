"""`mailward dkim`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mailward.message.dkim import DKIM
from tests.cli.conftest import Run
from tests.support.dkim_verifier import verifies

CONTENT = b"From: ann@example.org\r\nSubject: x\r\n\r\nHi.\r\n"


@pytest.mark.parametrize("kind", [(), ("--ed25519",)], ids=["rsa", "ed25519"])
def test_a_key_and_its_record(run: Run, tmp_path: Path, kind: tuple[str, ...]) -> None:
    """The key signs, and who reads the record verifies; the file is the owner's alone."""
    file = tmp_path / "key.pem"
    who = ("--domain", "example.org", "--selector", "s2026")
    done = run("dkim", "keygen", *who, *kind, "--out", file, "--json")

    assert done.code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert done.json["name"] == "s2026._domainkey.example.org"
    signature = DKIM("example.org", "s2026", file).sign(CONTENT)
    assert verifies(signature + CONTENT, {done.json["name"]: done.json["text"]})
    assert run("dkim", "record", *who, "--key", file, "--json").json == done.json
    assert run("dkim", "record", *who, "--key", file).out.startswith("s2026._domainkey.example.org. IN TXT ")


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    """A file that is there stays as it is; exit code 2."""
    file = tmp_path / "key.pem"
    file.write_text("mine")
    done = run("dkim", "keygen", "--domain", "example.org", "--selector", "s1", "--out", file)

    assert (done.code, file.read_text()) == (2, "mine")
    assert "is there already" in done.err


def test_what_makes_no_sense(run: Run, tmp_path: Path) -> None:
    """A wrong domain or selector is told before a key is made; a file that is no key is told too."""
    (tmp_path / "no.pem").write_text("x")
    out = tmp_path / "key.pem"

    assert run("dkim", "keygen", "--domain", "localhost", "--selector", "s1", "--out", out).code == 2
    assert run("dkim", "keygen", "--domain", "example.org", "--selector", "a b", "--out", out).code == 2
    assert not out.exists()
    done = run("dkim", "record", "--domain", "example.org", "--selector", "s1", "--key", tmp_path / "no.pem")
    assert done.code == 2
    assert "no private key" in done.err
