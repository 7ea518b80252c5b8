"""A file that holds a secret is read only if nobody else can have read or written it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailward.client.private_file import private_octets
from mailward.errors import InputError

CANARY = b"canary-0c77"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(CANARY)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ours(file: Path, mode: int) -> None:
    """With whatever its owner may do; through a link too, as containers mount their secrets."""
    file.chmod(mode)
    link = file.with_name("link")
    link.symlink_to(file)

    assert private_octets(str(file), what="the key") == CANARY
    assert private_octets(str(link), what="the key") == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o777])
def test_a_file_that_others_can_use(file: Path, mode: int) -> None:
    """Refused, with the command that mends it."""
    file.chmod(mode)
    with pytest.raises(InputError, match=f"others can use the key .* .mode {mode:04o}") as caught:
        private_octets(str(file), what="the key")

    assert caught.value.advice == f"chmod 600 {file}"
    assert private_octets(str(file), what="the key", insecure_mode=True) == CANARY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else(file: Path) -> None:
    """Who owns it can change it, whatever its mode."""
    os.chown(file, 65534, 65534)
    with pytest.raises(InputError, match="belongs to another user"):
        private_octets(str(file), what="the key")


def test_what_is_no_such_file(file: Path) -> None:
    """Missing, a directory, a pipe, on which a read would wait for ever, or far too long."""
    os.mkfifo(file.with_name("pipe"), 0o600)
    file.write_bytes(b"x" * 20_000)
    for name, problem in (
        ("missing", "No such file"),
        (".", "no regular file"),
        ("pipe", "no regular file"),
        ("secret", "more than 16384"),
    ):
        with pytest.raises(InputError, match=problem) as caught:
            private_octets(str(file.with_name(name)) if name != "." else str(file.parent), what="the key")
        assert caught.value.phase == "auth"
