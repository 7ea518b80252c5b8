"""A file of networks, one a line with `#` comments: read again when it changes, the last good content kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mailward.errors import InputError, InvalidConfig
from mailward.guard.allowlist import Networks
from mailward.printable import printable

MOST_OCTETS = 64 * 1024 * 1024
_MOST_FAULTS = 20  # told at once; whoever gives us a wrong file altogether has seen enough
_COMMENT = "#"
_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it

Signature = tuple[int, int, int]  # when it was changed, its size, which file it is


class AddressFile:
    """`networks`: the last good content. `faults`: what is wrong with the file as it is now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.networks = Networks()
        self.faults: tuple[InvalidConfig, ...] = ()
        self._seen: Signature | None = None

    def look(self) -> bool:
        """Read the file if it has changed. Whether there are other networks now; blocks while it reads."""
        try:
            networks, faults = self._read()
        except OSError as problem:
            self._seen = None
            return self._took(None, (_unreadable(self.path, problem.strerror or str(problem)),))
        return self._took(networks, faults)

    def _took(self, networks: Networks | None, faults: tuple[InvalidConfig, ...]) -> bool:
        if networks is None and not faults:
            return False
        self.faults = faults
        if networks is None or faults:
            return False
        self.networks = networks
        return True

    def _read(self) -> tuple[Networks | None, tuple[InvalidConfig, ...]]:
        """None and no fault: nothing has changed."""
        signature = _signature(self.path.stat())
        if signature == self._seen:
            return None, ()
        with self.path.open("rb") as file:
            self._seen = _signature(os.fstat(file.fileno()))
            octets = file.read(MOST_OCTETS + 1)
        if len(octets) > MOST_OCTETS:
            return None, (_unreadable(self.path, f"it is larger than {MOST_OCTETS} octets"),)
        return _understood(self.path, octets)


def _signature(found: os.stat_result) -> Signature:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "it is not a regular file")
    return found.st_mtime_ns, found.st_size, found.st_ino


def _understood(path: Path, octets: bytes) -> tuple[Networks | None, tuple[InvalidConfig, ...]]:
    octets = octets.removeprefix(_MARK)
    try:
        entries = map(_entry, octets.decode().split("\n"))
        return Networks.parse(entry for entry in entries if entry), ()
    except (UnicodeDecodeError, InputError):
        return None, _judged(path, octets)


def _entry(line: str) -> str:
    return line.partition(_COMMENT)[0].strip()


def _judged(path: Path, octets: bytes) -> tuple[InvalidConfig, ...]:
    """The slow way, once something is wrong: each line by itself."""
    faults: list[InvalidConfig] = []
    for number, line in enumerate(octets.split(b"\n"), start=1):
        try:
            entry = _entry(line.decode())
            Networks.parse([entry] if entry else [])
        except UnicodeDecodeError:
            faults.append(_fault(path, number, "this is not UTF-8 text", "save the file as UTF-8"))
        except InputError as problem:
            faults.append(_fault(path, number, problem.message, problem.advice))
        if len(faults) == _MOST_FAULTS:
            break
    return tuple(faults)


def _fault(path: Path, line: int, what: str, advice: str) -> InvalidConfig:
    told = f"{printable(str(path))}:{line}: {what}"
    return InvalidConfig(told, file=str(path), line=line, advice=advice)


def _unreadable(path: Path, why: str) -> InvalidConfig:
    advice = "give the path of a readable file with one network a line"
    return InvalidConfig(f"{printable(str(path))}: {printable(why)}", file=str(path), advice=advice)
