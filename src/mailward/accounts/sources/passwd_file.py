"""Accounts in a file of Dovecot's passwd-file form: user:password:uid:gid:gecos:home:shell:extra fields."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mailward.accounts.account import canonical
from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.pool import Threads
from mailward.accounts.sources.source import (
    UNKNOWN,
    Question,
    SourceAnswer,
    SourceSettings,
    answer,
    bad_answer,
    truth,
    words,
)
from mailward.accounts.sources.verifier import matches
from mailward.errors import AuthUnavailable, InputError, InvalidConfig
from mailward.printable import printable

MOST_OCTETS = 64 * 1024 * 1024
_OPEN = stat.S_IRWXO | stat.S_IWGRP


@dataclass(frozen=True, kw_only=True)
class PasswdFileSettings(SourceSettings):
    """path: of the file; nobody but its owner may write it, and no other may read it."""

    name: str = "passwd-file"
    path: str


class Entry(NamedTuple):
    """verifier: None for an account without a password, which nobody can log in to."""

    verifier: str | None
    answer: SourceAnswer


@dataclass(frozen=True, slots=True)
class _Loaded:
    stamp: tuple[int, ...]
    entries: Mapping[str, Entry] = field(repr=False)


class PasswdFile:
    """Re-read when it changes. A bad file keeps the old one, and `faults` says so. InvalidConfig: bad at the start."""

    def __init__(self, settings: PasswdFileSettings, *, hasher: Hasher) -> None:
        self._settings = settings
        self._hasher = hasher
        self._threads = Threads(settings.name, 1)
        self._fault = ""
        self._loaded = _load(settings)
        self._refused: tuple[int, ...] = ()

    async def ask(self, question: Question) -> SourceAnswer:
        await self._refresh()
        entry = self._loaded.entries.get(question.name)
        if entry is None:
            await matches(self._settings.name, self._hasher, None, question.password)
            return UNKNOWN
        right = await matches(self._settings.name, self._hasher, entry.verifier, question.password)
        known = entry.answer
        return SourceAnswer(known.account, right, known.senders, known.allow_from, known.disabled)

    def faults(self) -> tuple[str, ...]:
        return (f"account source {self._settings.name!r}: {self._fault}; the old one is kept",) if self._fault else ()

    async def close(self) -> None:
        """Nothing is held open."""

    async def _refresh(self) -> None:
        stamp = _stamp(self._settings.path)
        if stamp in (self._loaded.stamp, self._refused) or self._threads.running:
            return  # unchanged, or being read: the old one counts until then
        try:
            self._loaded = await self._threads.run(lambda: _load(self._settings))
            self._fault, self._refused = "", ()
        except InvalidConfig as error:
            self._fault = f"{error.file}:{error.line}: {error.message}" if error.line else error.message
            self._refused = stamp


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 - at every login, and a Path costs more than the call
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode)


def _load(settings: PasswdFileSettings) -> _Loaded:
    path = Path(settings.path)
    stamp = _stamp(settings.path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor: the checks are of what is read
            fault = _fault(os.fstat(descriptor))
            if fault:
                raise _bad(path, fault)
            return _Loaded(stamp, _parse(path, file.read(MOST_OCTETS).decode(), settings.name))
    except OSError as error:
        raise _bad(path, f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise _bad(path, f"{path} is not UTF-8") from None


def _fault(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    if status.st_size > MOST_OCTETS:
        return f"is larger than {MOST_OCTETS >> 20} MiB"
    return "is open to others; chmod 640" if status.st_mode & _OPEN else ""


def _parse(path: Path, text: str, source: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.rstrip("\r")
        if not bare.strip() or bare.startswith("#"):
            continue
        try:
            name, entry = _entry(source, bare)
        except (InputError, AuthUnavailable) as error:
            raise _bad(path, error.message, line=number) from None
        if name in entries:
            raise _bad(path, f"the account {printable(name, 80)!r} is there twice", line=number)
        entries[name] = entry
    return entries


def _entry(source: str, line: str) -> tuple[str, Entry]:
    fields = line.split(":", 7)
    if len(fields) < 2:
        raise bad_answer(source, "a line without a colon")
    name = canonical(fields[0])
    extra = _extra(fields[7] if len(fields) > 7 else "")
    known = answer(
        source,
        name,
        right=False,
        senders=words(extra.get("userdb_senders", extra.get("senders", ""))),
        allow_from=words(extra.get("allow_nets", "")),
        disabled="nologin" in extra and truth(source, extra["nologin"] or "yes"),
    )
    return name, Entry(fields[1] or None, known)


def _extra(text: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in text.split())
    return {key: value for key, _, value in pairs}


def _bad(path: Path, why: str, *, line: int | None = None) -> InvalidConfig:
    return InvalidConfig(why, file=str(path), line=line, key="account_source.path")
