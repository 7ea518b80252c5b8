"""The options of every command that connects, and who logs in there."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mailward.cli.client_options import arguments_of, auth_of, connection_options
from mailward.cli.profile_file import Profile
from mailward.client.tls_mode import INSECURE_PLAINTEXT
from mailward.errors import InputError
from mailward.secret import Secret


def test_what_was_typed_counts_more_than_the_profile() -> None:
    """Each option, its own name, and what was not said is not said."""
    profile = Profile(via="x", ca="/profile.pem", timeout=5.0, tls="starttls", proxy="socks5://p:1080")
    given = {"ca": Path("/typed.pem"), "pin": (), "timeout": None, "tls": None, "cert": Path("c.pem"), "key": None}

    assert arguments_of(given, profile) == {
        "ca": Path("/typed.pem"),
        "timeout": 5.0,
        "tls": "starttls",
        "proxy": "socks5://p:1080",
        "cert": (Path("c.pem"), Path("c.pem")),
    }
    assert arguments_of({}) == {"tls": "auto"}
    assert arguments_of({"tls": "insecure-plaintext"})["tls"] is INSECURE_PLAINTEXT


def test_what_does_not_fit() -> None:
    """A key without its certificate, and a mode that a profile misspells."""
    with pytest.raises(InputError, match="--key goes with --cert"):
        arguments_of({"key": Path("k.pem")})
    with pytest.raises(InputError, match="tls is 'tsl'"):
        arguments_of({}, Profile(via="x", tls="tsl"))


def test_every_option_is_one_of_the_client() -> None:
    """What the decorator adds is what `arguments_of` reads."""

    @click.command()
    @connection_options
    def command(**_: object) -> None:
        """Nothing."""

    assert {parameter.name for parameter in command.params} == {
        "ca", "pin", "cert", "key", "tls", "timeout", "local_address", "proxy", "ehlo_name",
    }  # fmt: skip


def test_where_a_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, else the environment; nobody logs in without a user."""
    file = tmp_path / "password"
    file.write_text("from the file\n")
    file.chmod(0o600)
    monkeypatch.setenv("MAILWARD_PASSWORD", "from the environment")

    assert auth_of("smtps://ann@h.example", None, file) == ("ann", Secret("from the file"))
    assert auth_of("h.example", "ann", None) == ("ann", Secret("from the environment"))
    assert auth_of("h.example", None, None) is None
    monkeypatch.delenv("MAILWARD_PASSWORD")
    assert auth_of("h.example", "ann", None, wanted=False) is None
    with pytest.raises(InputError, match="no password for ann"):
        auth_of("h.example", "ann", None)
    with pytest.raises(InputError, match="no user"):
        auth_of("h.example", None, file)
    with pytest.raises(InputError, match="--user says eve"):
        auth_of("smtps://ann@h.example", "eve", file)


def test_a_password_in_the_url_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Every user of the machine sees the arguments of every process."""
    assert auth_of("smtps://ann:secret@h.example", None, None) is None
    assert "seen by every user" in capsys.readouterr().err
