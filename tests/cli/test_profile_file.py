"""The file of named servers, read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.cli import profiles
from mailward.cli.profile_file import Profile
from mailward.cli.profiles import profile
from mailward.errors import InvalidConfig

GOOD = """
[work]
via = "smtps://ann%40example.test@smtp.example.test"
from = "Ann <ann@example.test>"
timeout = 20.0
[home]
via = "smtp.example.net"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = profiles.path()
    path.parent.mkdir()
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


def test_a_profile(file: Path) -> None:
    """Each key is the option of that name."""
    assert file.is_file()
    assert profile("work") == Profile(
        via="smtps://ann%40example.test@smtp.example.test", sender="Ann <ann@example.test>", timeout=20.0
    )


def test_it_shows_no_password(file: Path) -> None:
    """In a traceback with local variables, for one: a URL may hold one, though it should not."""
    file.write_text("[work]\nvia = 'smtps://ann:canary-5d1e@h.example'\nproxy = 'socks5://u:canary-5d1e@p'\n")
    assert "canary" not in repr(profile("work")) + str(profile("work"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[work]\nvia = 1\n", "Expected `str`"),
        ("[work]\nuser = 'x'\n", "missing required field `via`"),
        ("[work]\nvia = 'x'\npasword = 'x'\n", "unknown field `pasword`"),
        ("[work\n", "profiles.toml"),
        ("[home]\nvia = 'x'\n", "there is no profile 'work'"),
    ],
)
def test_what_is_wrong_is_named(file: Path, text: str, words: str) -> None:
    """With the file, and what is wrong in it."""
    file.write_text(text)
    with pytest.raises(InvalidConfig, match=words) as caught:
        profile("work")
    assert str(file) in caught.value.message


def test_no_utf8(file: Path) -> None:
    """A file in another encoding is an error with its name, not a traceback."""
    file.write_bytes(GOOD.encode() + b"# Gr\xfc\xdfe\n")
    with pytest.raises(InvalidConfig, match="utf-8") as caught:
        profile("work")
    assert str(file) in caught.value.message


def test_a_near_name(file: Path) -> None:
    """The profile that was meant."""
    assert file.is_file()
    with pytest.raises(InvalidConfig) as caught:
        profile("wrok")
    assert caught.value.advice == "did you mean 'work'?"


def test_others_may_not_write_it(file: Path) -> None:
    """Who can write it could send our password elsewhere."""
    file.chmod(0o622)
    with pytest.raises(InvalidConfig, match="others can write it"):
        profile("work")


def test_there_is_none(file: Path) -> None:
    """What to write, and where."""
    file.unlink()
    with pytest.raises(InvalidConfig, match="No such file") as caught:
        profile("work")
    assert "[NAME]" in caught.value.advice


def test_paths_are_beside_the_file(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever directory a program is started in: that is where a hostile CA could lie."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file.write_text("[work]\nvia = 'x'\nca = 'ca.pem'\npassword_file = '~/secret'\ncert = '/etc/cert.pem'\n")
    found = profile("work")

    assert found.ca == str(file.parent / "ca.pem")
    assert found.password_file == str(tmp_path / "home" / "secret")
    assert found.cert == "/etc/cert.pem"
