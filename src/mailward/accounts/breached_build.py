"""Making a filter of breached passwords from a downloaded set of any size, in bounded memory and all or nothing."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from mailward.accounts.breached_filter import HEADER, MOST_BITS, MOST_WIDTH, PLACE, Header, key_of, password_key
from mailward.accounts.stems import folded
from mailward.errors import InputError

Form = Literal["plain", "sha1"]
_SHA1 = re.compile(rb"([0-9A-Fa-f]{40})(?::([0-9]{1,18}))?")
_NTLM = re.compile(rb"[0-9A-Fa-f]{32}:[0-9]+")
_READ = 1 << 20
_LONGEST_LINE = 1024  # octets, as no password here is longer
_BUFFER = 1 << 15
_SORTED_AT_ONCE = 1 << 20  # keys; some 60 MB
_PER_BUCKET = 16
_MOST_ENTRIES = (1 << 32) - 1


@dataclass(frozen=True, kw_only=True)
class Built:
    """entries: different passwords in the filter. lines: that were read. skipped: lines that held none."""

    entries: int
    lines: int
    skipped: int
    rate: float
    octets: int


class _Lines:
    """The lines of a set, and how many were no use."""

    def __init__(self, file: BinaryIO, form: Form | None, at_least: int, told: Callable[[int], None]) -> None:
        self.read = 0
        self.skipped = 0
        self._file = file
        self._form = form
        self._at_least = at_least
        self._told = told

    def keys(self) -> Iterator[int]:
        for line in self._each():
            self.read += 1
            if self._form is None:
                self._form = _form_of(line)
            found = tuple(self._of_hash(line) if self._form == "sha1" else _of_password(line))
            self.skipped += not found
            yield from found

    def _of_hash(self, line: bytes) -> Iterator[int]:
        if (match := _SHA1.fullmatch(line)) and int(match[2] or self._at_least) >= self._at_least:
            yield key_of(bytes.fromhex(match[1][:16].decode()))

    def _each(self) -> Iterator[bytes]:
        rest = b""
        octets = 0
        while piece := self._file.read(_READ):
            octets += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _READ:
                raise InputError("a line has more than a million octets; this is no list", phase="password")
            yield from (line.removesuffix(b"\r") for line in lines)
            self._told(octets)
        if rest:
            yield rest.removesuffix(b"\r")


def build(
    file: BinaryIO,
    output: Path,
    *,
    form: Form | None = None,
    rate: float = 1e-6,
    at_least: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Read passwords, one a line, or `SHA1:count` lines, and put a filter at `output`, whole or not at all.

    form: None looks at the first line. rate: how often at most a good password may be taken for a breached one.
    at_least: leave out hashes that were counted fewer times. progress: is told the octets read.
    While it works it needs some eight octets of disk for each line, beside `output`.
    """
    width = _width(rate)
    try:
        folder = tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise InputError(f"{output.parent}: {error.strerror}", phase="password") from error
    with folder as name:
        lines = _Lines(file, form, at_least, progress or (lambda _: None))
        parts = _Parts(Path(name))
        count = parts.take(lines.keys())
        if not count:
            raise InputError("there is no password in it", phase="password", advice="one password or SHA1:count a line")
        made = Path(name) / "filter"
        header = _write(made, parts, count, width)
        made.chmod(0o644)
        made.replace(output)
        _sync_folder(output.parent)
    return Built(entries=header.entries, lines=lines.read, skipped=lines.skipped, rate=header.rate, octets=header.size)


def _form_of(first: bytes) -> Form:
    if _NTLM.fullmatch(first):
        raise InputError(
            "these are NTLM hashes, which nothing here can be compared with",
            phase="password",
            advice="download the SHA-1 form of the set",
        )
    return "sha1" if _SHA1.fullmatch(first) else "plain"


def _of_password(line: bytes) -> Iterator[int]:
    """As it is, and without regard to capitals."""
    if not line or len(line) > _LONGEST_LINE:
        return
    try:
        text = line.decode()
    except UnicodeDecodeError:
        yield key_of(hashlib.sha1(line, usedforsecurity=False).digest())
        return
    yield from {password_key(text), password_key(folded(text))}


def _width(rate: float) -> int:
    """How many octets of each hash it takes."""
    for width in range(1, MOST_WIDTH + 1):
        if _PER_BUCKET / 256**width <= rate:
            return width
    raise InputError(
        f"a rate of {rate:g} is beyond the format",
        phase="password",
        advice=f"{_PER_BUCKET / 256**MOST_WIDTH:.1g} or more",
    )


class _Parts:
    """Keys on disk, apart by one of their octets: `depth` says which."""

    def __init__(self, folder: Path, depth: int = 0) -> None:
        self._folder = folder
        self._depth = depth
        folder.mkdir(exist_ok=True)

    def take(self, keys: Iterable[int]) -> int:
        """How many they were."""
        shift = 56 - 8 * self._depth
        buffers = [bytearray() for _ in range(256)]
        count = 0
        for key in keys:
            buffer = buffers[key >> shift & 0xFF]
            buffer += key.to_bytes(8, sys.byteorder)
            count += 1
            if len(buffer) >= _BUFFER:
                self._append(key >> shift & 0xFF, buffer)
        for number, buffer in enumerate(buffers):
            self._append(number, buffer)
        return count

    def in_order(self) -> Iterator[list[int]]:
        """Ascending, none twice; what was read is gone from the disk."""
        for number in range(256):
            path = self._path(number)
            if not path.exists():
                continue
            if path.stat().st_size <= 8 * _SORTED_AT_ONCE or self._depth == 7:
                yield self._sorted(path)
                path.unlink()
            else:
                finer = _Parts(self._folder / f"{number:03}.d", self._depth + 1)
                finer.take(_keys_in(path))
                path.unlink()
                yield from finer.in_order()

    def _sorted(self, path: Path) -> list[int]:
        if self._depth == 7:  # all octets are known: they are one key
            return [next(_keys_in(path))]
        return sorted(set(_keys_in(path)))

    def _append(self, number: int, buffer: bytearray) -> None:
        if buffer:
            with self._path(number).open("ab") as file:
                file.write(buffer)
            buffer.clear()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:03}"


def _keys_in(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        while piece := file.read(_READ):
            yield from array("Q", piece)


def _write(path: Path, parts: _Parts, most: int, width: int) -> Header:
    bits = min((most // _PER_BUCKET).bit_length(), MOST_BITS)
    digest = hashlib.sha256()
    count = 0
    with path.open("wb") as file, tempfile.TemporaryFile(dir=path.parent) as index:
        file.write(bytes(HEADER.size))
        places = _Places(index, bits)
        for keys in parts.in_order():
            places.add(keys, count)
            octets = _entries(keys, bits, width)
            digest.update(octets)
            file.write(octets)
            count += len(keys)
            if count > _MOST_ENTRIES:
                raise InputError(f"a filter holds at most {_MOST_ENTRIES} passwords", phase="password")
        places.finish(count)
        index.seek(0)
        while piece := index.read(_READ):
            digest.update(piece)
            file.write(piece)
        header = Header(bits, width, count, count / 2.0 ** (bits + 8 * width), digest.digest()[:16])
        file.seek(0)
        file.write(header.encode())
        file.flush()
        os.fsync(file.fileno())
    return header


def _entries(keys: list[int], bits: int, width: int) -> bytes:
    rest = 64 - bits - 8 * width
    mask = (1 << 8 * width) - 1
    return b"".join([(key >> rest & mask).to_bytes(width, "big") for key in keys])


class _Places:
    """The index, written as the keys come."""

    def __init__(self, file: BinaryIO, bits: int) -> None:
        self._file = file
        self._bits = bits
        self._next = 0

    def add(self, keys: list[int], before: int) -> None:
        shift = 64 - self._bits
        found = []
        for position, key in enumerate(keys, before):
            bucket = key >> shift
            if bucket >= self._next:
                found.append(PLACE.pack(position) * (bucket - self._next + 1))
                self._next = bucket + 1
        self._file.write(b"".join(found))

    def finish(self, count: int) -> None:
        left = (1 << self._bits) + 1 - self._next
        for start in range(0, left, _READ):
            self._file.write(PLACE.pack(count) * min(_READ, left - start))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
