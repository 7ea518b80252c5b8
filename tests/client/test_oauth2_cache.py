"""Tokens in a file: for us alone, whole or not at all, and one process at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailward.client.oauth2_cache import TokenFile
from mailward.client.oauth2_endpoint import Token
from mailward.errors import DeadlineExceeded, StoreError
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers
from tests.support.taint import findings

TOKEN = Token(Secret("canary-access"), 1e10, Secret("canary-refresh"), 3600.0)
SECRETS = ("canary-access", "canary-refresh")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def test_what_is_stored_is_found(path: Path) -> None:
    """Each under its own name, in a file that only we can read."""
    file = TokenFile(path)
    assert file.load("ann") is None
    file.store("ann", TOKEN)
    file.store("bob", Token(Secret("other")))
    file.store("ann", TOKEN)

    assert file.load("ann") == TOKEN
    assert file.load("bob") == Token(Secret("other"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["tokens.json"]


def test_it_stays_small(path: Path) -> None:
    """The oldest is dropped."""
    file = TokenFile(path)
    for number in range(70):
        file.store(str(number), TOKEN)

    assert file.load("5") is None
    assert file.load("69") == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_use(path: Path, mode: int) -> None:
    """Its tokens are not used: they may be somebody's by now."""
    file = TokenFile(path)
    file.store("ann", TOKEN)
    path.chmod(mode)
    acts: list[Callable[[], object]] = [lambda: file.load("ann"), lambda: file.store("ann", TOKEN)]
    for act in acts:
        with pytest.raises(StoreError, match=f"mode {mode:04o}") as caught:
            act()
        assert "revoke" in caught.value.advice


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version":2,"tokens":{}}',
        b'{"version":1}',
        b'{"version":1,"tokens":{"a":{"access":"canary-access"}}}',
    ],
    ids=range(6),
)
def test_a_file_that_is_not_ours(path: Path, content: bytes) -> None:
    """Said so, and not overwritten; the error holds none of it."""
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="holds no tokens of ours") as caught:
        TokenFile(path).store("ann", TOKEN)

    assert path.read_bytes() == content
    assert findings(caught.value, SECRETS) == []


def test_what_is_no_file(path: Path) -> None:
    """A link could lead to somebody else's, a pipe for ever nowhere."""
    path.symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="cannot be read"):
        TokenFile(path).load("ann")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(StoreError, match="others can use"):
        TokenFile(path).load("ann")


@both_drivers
def test_a_place_where_nothing_can_be_kept(driver: Driver, tmp_path: Path) -> None:
    """Known before a refresh token is used up whose successor would be lost."""
    (tmp_path / "file").touch()

    async def flow(ports: Ports) -> None:
        async with TokenFile(tmp_path / "file" / "tokens.json").locked(ports, until=ports.now() + 1):
            raise AssertionError("it cannot be locked")

    with pytest.raises(StoreError, match="cannot be kept"):
        driver.run(flow)


def test_a_disk_that_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays, nothing else does, and the error shows no token."""
    file = TokenFile(path)
    file.store("ann", TOKEN)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        file.store("ann", Token(Secret("canary-access")))
    assert file.load("ann") == TOKEN
    assert [each.name for each in path.parent.iterdir()] == ["tokens.json"]
    assert findings(caught.value, SECRETS) == []


@both_drivers
def test_one_process_at_a_time(driver: Driver, path: Path) -> None:
    """Whoever holds the lock asks; the other waits, as long as its call may take."""
    holder = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    async def flow(ports: Ports) -> None:
        async with TokenFile(path).locked(ports, until=ports.now() + 0.15):
            assert not free()

    def free() -> bool:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(DeadlineExceeded, match="another process"):
            driver.run(flow)
        fcntl.flock(holder, fcntl.LOCK_UN)
        driver.run(flow)
        assert free()
    finally:
        os.close(holder)


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no file unless it is asked for."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    wrong: Any = 5

    assert TokenFile.of(None) is None
    assert TokenFile.of(False) is None  # noqa: FBT003
    usual, given = TokenFile.of(True), TokenFile.of("~/tokens")  # noqa: FBT003
    assert usual is not None
    assert usual._path == tmp_path / "mailward" / "tokens.json"
    assert given is not None
    assert given._path == Path.home() / "tokens"
    with pytest.raises(TypeError):
        TokenFile.of(wrong)


def test_a_file_that_lies_in_wait_gets_no_token(path: Path) -> None:
    """Somebody who guesses the name of the new file, and has it open, reads nothing of what is stored."""
    waiting = path.with_name(f"{path.name}.{os.getpid()}.new")
    with waiting.open("w+") as file:
        waiting.chmod(0o666)
        TokenFile(path).store("ann", TOKEN)
        heard = file.read()

    assert heard == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TokenFile(path).load("ann") == TOKEN
