"""A secret in a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailward.accounts.sources.secret_file import read_secret
from mailward.accounts.sources.source import OutOfOrder


def test_one_line(tmp_path: Path) -> None:
    """The line's end does not belong to the secret."""
    path = tmp_path / "secret"
    path.write_text("token of nobody\n")
    path.chmod(0o640)

    assert read_secret("s", str(path)).reveal() == "token of nobody"


@pytest.mark.parametrize("content", [b"", b"\n", b"hush\nhush\n", b"\xff\xfe", b"a\r\nb"])
def test_no_secret(tmp_path: Path, content: bytes) -> None:
    """Nothing that could split a header or be empty is one; the error shows nothing of it."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(OutOfOrder) as refused:
        read_secret("s", str(path))
    assert refused.value.message.endswith(("holds no secret on one line", "is not UTF-8"))


def test_open_to_others_or_not_there(tmp_path: Path) -> None:
    """A secret everybody can read, a pipe and nothing at all are said, and nothing waits on them."""
    path = tmp_path / "secret"
    path.write_text("token")
    path.chmod(0o644)
    os.mkfifo(tmp_path / "pipe", 0o600)

    for name, why in (("secret", "open to others"), ("pipe", "not a regular file"), ("gone", "No such file")):
        with pytest.raises(OutOfOrder, match=why):
            read_secret("s", str(tmp_path / name))
