from __future__ import annotations

from pathlib import Path

import pytest

from mailward.errors import InvalidConfig
from mailward.integrations.token import read_token, shows
from mailward.secret import Secret

TOKEN = "0123456789-0123456789"


def written(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_is_read(tmp_path: Path) -> None:
    """One line of a file that is ours alone."""
    assert read_token(written(tmp_path / "t", TOKEN + "\n")).reveal() == TOKEN


@pytest.mark.parametrize("text", ["", "short", TOKEN + "\nmore", "with a space in its middle", "é" * 30, "x" * 5000])
def test_what_is_no_token(tmp_path: Path, text: str) -> None:
    """Too short, too long, or not one word; the message does not show it."""
    with pytest.raises(InvalidConfig) as refused:
        read_token(written(tmp_path / "t", text))

    assert refused.value.key == "doors.token_file"
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_token_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """Is refused, with the command that mends it."""
    with pytest.raises(InvalidConfig) as refused:
        read_token(written(tmp_path / "t", TOKEN, mode=mode))

    assert refused.value.advice == f"chmod 600 {tmp_path}/t"


def test_no_file(tmp_path: Path) -> None:
    """Tells how to make one."""
    with pytest.raises(InvalidConfig, match="No such file") as refused:
        read_token(tmp_path / "none")

    assert "openssl rand" in refused.value.advice


@pytest.mark.parametrize(
    "authorization, api_key, shown",
    [
        (f"Bearer {TOKEN}", "", True),
        (f"bearer  {TOKEN}", "", True),
        ("", TOKEN, True),
        (f"Bearer {TOKEN}x", "", False),
        ("Bearer", TOKEN, False),
        ("Bearer ", "", False),
        (f"Basic {TOKEN}", "", False),
        ("", "", False),
        ("", "é", False),
    ],
)
def test_who_shows_it(authorization: str, api_key: str, shown: bool) -> None:
    """Either header, whole; nothing else."""
    assert shows(Secret(TOKEN), authorization, api_key) is shown
