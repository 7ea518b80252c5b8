"""The files that a configuration names."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailward.server import certificates, config

NOW = datetime.now(UTC)
HEAD = 'hostname = "mail.example.test"\nstate = "state"\n[[listener]]\naddress = "127.0.0.1:0"\ntls = "implicit"\n'
TLS = '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ca = certificates.issue_ca("mail.example.test", NOW)
    leaf = certificates.issue_leaf("mail.example.test", ca, certificates.new_key(), NOW)
    (tmp_path / "ca.pem").write_bytes(ca.certificate_pem())
    (tmp_path / "ca.key").write_bytes(ca.key_pem())
    (tmp_path / "cert.pem").write_bytes(leaf.certificate_pem())
    (tmp_path / "key.pem").write_bytes(leaf.key_pem())
    (tmp_path / "secret").write_text("kite")
    for name in ("key.pem", "ca.key", "secret"):
        (tmp_path / name).chmod(0o600)
    return tmp_path


def faults(folder: Path, text: str) -> list[str]:
    return [error.message.partition(": ")[2] for error in config.check(text, str(folder / "mailward.toml"))]


def test_files_that_fit(folder: Path) -> None:
    """A certificate for the host name with its private key, a CA and a password file are found beside the file."""
    text = HEAD + TLS + '[delivery]\nto = "smtps://ann@host.test"\nca = "ca.pem"\npassword_file = "secret"\n'

    assert faults(folder, text) == []
    assert config.parse(text, str(folder / "mailward.toml")).tls == config.TlsConfig(
        certificate=str(folder / "cert.pem"), key=str(folder / "key.pem")
    )


@pytest.mark.parametrize(
    "old, new, key, told",
    [
        ("cert.pem", "absent.pem", "tls.certificate", "No such file"),
        ("cert.pem", "secret", "tls.certificate", "no PEM certificate"),
        ("cert.pem", "/dev/zero", "tls.certificate", "not a regular file"),
        ("cert.pem", ".", "tls.certificate", "Is a directory|not a regular file"),
        ("key.pem", "absent.pem", "tls.key", "No such file"),
        ("key.pem", "ca.pem", "tls.key", "open to others"),
        ("key.pem", "ca.key", "tls.key", "is not the key of"),
        ("key.pem", "secret", "tls.key", "no usable PEM key"),
        ("mail.example.test", "mx.example.test", "tls.certificate", "is for mail.example.test, localhost, not for"),
    ],
)
def test_tls_files(folder: Path, old: str, new: str, key: str, told: str) -> None:
    """A file that is not there, not private or not fitting is told under its key."""
    text = (HEAD + TLS).replace(old, new)

    (fault,) = [line for line in faults(folder, text) if line.startswith(key)]

    assert any(part in fault for part in told.split("|"))


def test_a_key_with_a_pass_phrase(folder: Path) -> None:
    """Nobody is asked for a pass phrase at start; it is told as a fault."""
    command = ["openssl", "pkey", "-in", "key.pem", "-aes128", "-passout", "pass:kite", "-out", "locked.pem"]
    subprocess.run(command, check=True, cwd=folder)
    (folder / "locked.pem").chmod(0o600)

    (fault,) = faults(folder, HEAD + TLS.replace("key.pem", "locked.pem"))

    assert "pass phrase" in fault


def test_delivery_files(folder: Path) -> None:
    """A CA that is none and an open password file are told."""
    (folder / "secret").chmod(0o644)
    text = HEAD + '[delivery]\nto = "smtps://ann@host.test"\nca = "secret"\npassword_file = "secret"\n'

    ca, password = faults(folder, text)

    assert ca.startswith("delivery.ca")
    assert "no PEM certificates" in ca
    assert password.startswith("delivery.password_file")
    assert "chmod 600" in password


def test_state_and_events(folder: Path) -> None:
    """A state directory that others can write, and an event file in a directory that is not there."""
    (folder / "state").mkdir()
    (folder / "state").chmod(0o777)

    state, events = faults(folder, HEAD + '[events]\nfile = "absent/events.jsonl"\n')

    assert state.startswith("state: the state directory")
    assert events.startswith("events.file")


def test_nothing_is_made(folder: Path) -> None:
    """Checking a configuration makes no state directory."""
    assert faults(folder, HEAD) == []
    assert not (folder / "state").exists()


@pytest.mark.parametrize("days, told", [(0, None), (390, "expires in"), (400, "has expired")])
def test_certificates_near_their_end(folder: Path, days: int, told: str | None) -> None:
    """An expired certificate, or one that soon is, is a warning."""
    loaded = config.parse(HEAD + TLS, str(folder / "mailward.toml"))

    warnings = config.warnings(loaded, NOW + timedelta(days=days))

    assert [told in line for line in warnings if told] == ([True] if told else [])
    assert bool(warnings) is bool(told)
