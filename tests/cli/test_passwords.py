"""Where passwords come from."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from mailward.cli import passwords
from mailward.errors import InputError


@pytest.mark.parametrize("content", ["kite\n", "kite", "kite\r\n", "kite\nmore\n"])
def test_first_line(tmp_path: Path, content: str) -> None:
    """The first line of a file, without its end."""
    path = tmp_path / "secret"
    path.write_bytes(content.encode())
    path.chmod(0o600)

    assert passwords.from_file(path).reveal() == "kite"


def test_spaces_belong_to_the_password(tmp_path: Path) -> None:
    """Nothing but the line end is taken away."""
    path = tmp_path / "secret"
    path.write_text(" kite \n")

    assert passwords.from_file(path).reveal() == " kite "


@pytest.mark.parametrize("content", [b"", b"\nkite\n", b"\xff\n"])
def test_no_password_in_it(tmp_path: Path, content: bytes) -> None:
    """An empty first line and octets that are no text are refused, and not shown."""
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(InputError, match=str(path)):
        passwords.from_file(path)


def test_no_such_file(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(InputError, match="absent: No such file"):
        passwords.from_file(tmp_path / "absent")


def test_a_file_others_can_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is used, with a warning that does not hold it."""
    path = tmp_path / "secret"
    path.write_text("kite")
    path.chmod(0o644)

    assert passwords.from_file(path).reveal() == "kite"
    told = capsys.readouterr().err
    assert "chmod 600" in told
    assert "kite" not in told


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """--password-stdin reads one line."""
    monkeypatch.setattr("sys.stdin", io.StringIO("kite\n"))

    assert passwords.from_stdin().reveal() == "kite"


@pytest.mark.parametrize(
    "octets, told",
    [(b"\xff\n", "standard input is not UTF-8 text"), (b"x" * 4097, "more than 4096"), (b"", "no password")],
)
def test_standard_input_that_is_no_password(monkeypatch: pytest.MonkeyPatch, octets: bytes, told: str) -> None:
    """What is not text, too long or nothing is refused."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(octets), "utf-8"))

    with pytest.raises(InputError, match=told):
        passwords.from_stdin()


def test_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nobody is asked."""
    monkeypatch.setattr("sys.stdin", io.StringIO("kite\n"))

    assert passwords.from_terminal("Password") is None


def test_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is asked for unseen, a new one twice."""
    asked: list[dict[str, object]] = []

    def prompt(_text: str, **how: object) -> str:
        asked.append(how)
        return "kite"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", prompt)

    secret = passwords.from_terminal("Password", twice=True)

    assert secret is not None
    assert secret.reveal() == "kite"
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]
