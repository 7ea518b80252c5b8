"""Tokens in a file, for the next process: as open as a private key is, mode 0600 and nothing more."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailward.client.oauth2_endpoint import Token
from mailward.errors import StoreError
from mailward.net.ports import too_late
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailward.net.ports import Ports

_VERSION: Final = 1
_MOST_OCTETS: Final = 1024 * 1024
_MOST_TOKENS: Final = 64  # the oldest are dropped
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LOOK: Final = 0.05  # seconds between two looks at a lock that another process has


class TokenFile:
    """Several programs may share it: each holds its lock while it asks for a token, so that they ask once.

    It is not encrypted: whoever can read it can send mail as the user until the tokens are revoked, as with an SSH key
    without a passphrase. It is replaced as a whole, so that a crash leaves the old one or the new one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = printable(str(path), 200)

    @classmethod
    def of(cls, cache: object) -> TokenFile | None:
        """True: tokens.json beside the client's other state, under $XDG_STATE_HOME or ~/.local/state."""
        if cache is None or cache is False:
            return None
        if cache is True:
            home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
            return cls(Path(home).expanduser() / "mailward" / "tokens.json")
        if isinstance(cache, str | os.PathLike):
            return cls(Path(cache).expanduser())
        raise TypeError("cache= is a path, or True for the usual place")

    @asynccontextmanager
    async def locked(self, ports: Ports, *, until: float | None) -> AsyncIterator[None]:
        """Raises StoreError before anything is asked, if a token could not be kept; DeadlineExceeded."""
        descriptor = self._lock_file()
        try:
            while not _taken(descriptor):
                if until is not None and ports.now() >= until:
                    raise too_late(f"waiting for another process to leave {self._shown}")
                await ports.sleep(_LOOK)
            yield
        finally:
            os.close(descriptor)  # and the lock with it

    def load(self, name: str) -> Token | None:
        """Raises StoreError for a file that others can read, or that is no file of ours."""
        return self._all().get(name)

    def store(self, name: str, token: Token) -> None:
        """Raises StoreError."""
        tokens = self._all()
        tokens.pop(name, None)
        kept = dict([*tokens.items(), (name, token)][-_MOST_TOKENS:])
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            _write(beside, {each: _plain(kept[each]) for each in kept})
            beside.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            problem = error.strerror
        else:
            return
        raise StoreError(f"{self._shown} cannot be written: {problem}", phase="oauth2")

    def _lock_file(self) -> int:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(
                self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            problem = error.strerror
        raise StoreError(
            f"the tokens of {self._shown} cannot be kept: {problem}",
            phase="oauth2",
            advice="let this user write to its directory, or give cache= another path",
        )

    def _all(self) -> dict[str, Token]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        except OSError as error:
            problem = error.strerror
        else:
            try:
                self._check(os.fstat(descriptor))
                tokens = _parsed(os.read(descriptor, _MOST_OCTETS))
            finally:
                os.close(descriptor)
            if tokens is not None:
                return tokens
            problem = "it holds no tokens of ours"
        raise StoreError(
            f"{self._shown} cannot be read: {problem}", phase="oauth2", advice="remove it, and log in anew"
        )

    def _check(self, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS:
            return
        raise StoreError(
            f"others can use {self._shown} (mode {stat.S_IMODE(status.st_mode):04o})",
            phase="oauth2",
            advice=f"if nobody has, chown it and chmod 600 {self._shown}; else remove it and revoke the tokens",
        )


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, tokens: dict[str, dict[str, object]]) -> None:
    path.unlink(missing_ok=True)  # of a process that was killed, or of somebody who waits for the tokens
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump({"version": _VERSION, "tokens": tokens}, file)
        file.flush()
        os.fsync(file.fileno())


def _plain(token: Token) -> dict[str, object]:
    refresh = None if token.refresh is None else token.refresh.reveal()
    return {"access": token.access.reveal(), "until": token.until, "refresh": refresh, "lifetime": token.lifetime}


def _parsed(octets: bytes) -> dict[str, Token] | None:
    try:
        whole = json.loads(octets)
        if whole["version"] != _VERSION:
            return None
        return {name: _token(entry) for name, entry in whole["tokens"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _token(entry: dict[str, Any]) -> Token:
    refresh = entry["refresh"]
    return Token(
        Secret(entry["access"]),
        None if entry["until"] is None else float(entry["until"]),
        None if refresh is None else Secret(refresh),
        None if entry["lifetime"] is None else float(entry["lifetime"]),
    )
