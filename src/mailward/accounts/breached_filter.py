"""A file of breached passwords' hashes, looked up where it lies: eight octets of an index, some fifty of entries.

    header   64 octets, below, with a CRC-32 of its own
    entries  of each password, `width` octets of its SHA-1 after the first `bits` bits, in the order of the hashes
    index    2**bits + 1 numbers of four octets: where the entries with these first bits begin, and where all end

All numbers are big-endian. Between 8 and 16 entries share their first bits, so one that is not in the set is taken
for one that is with a probability of at most 16 / 256**width.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple
from weakref import finalize

from mailward.errors import InputError

MAGIC = b"MWBREACH"
VERSION = 1
HEADER = struct.Struct(">8sHBBQd16s16xI")
PLACE = struct.Struct(">I")
_SPAN = struct.Struct(">II")
MOST_BITS = 28
MOST_WIDTH = 4
_PIECE = 1 << 20
_MOST_TOGETHER = 1 << 20  # entries of one place in the index; of real hashes there are some dozens


class Header(NamedTuple):
    """bits, width: see above. rate: of false positives. digest: the first 16 octets of the SHA-256 of what follows."""

    bits: int
    width: int
    entries: int
    rate: float
    digest: bytes

    def encode(self) -> bytes:
        """With its checksum."""
        packed = HEADER.pack(MAGIC, VERSION, self.bits, self.width, self.entries, self.rate, self.digest, 0)
        return packed[:-4] + zlib.crc32(packed[:-4]).to_bytes(4, "big")

    @property
    def size(self) -> int:
        """Of the whole file."""
        return HEADER.size + self.entries * self.width + PLACE.size * ((1 << self.bits) + 1)


def key_of(digest: bytes) -> int:
    """What of a SHA-1 a filter knows: the first 64 bits."""
    return int.from_bytes(digest[:8], "big")


def password_key(text: str) -> int:
    """The same of a password, as the downloadable sets hash it: in UTF-8, as it is."""
    return key_of(hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest())


class BreachedFilter:
    """path: the file; it stays open. InputError: it is no filter, another version's, cut short or damaged.

    It is read, not mapped: a file that somebody cuts while it is in use is an error then, not the end of the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._closed = finalize(self, os.close, self._file)
            self.header = self._header(os.pread(self._file, HEADER.size, 0), os.fstat(self._file).st_size)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", phase="password") from error
        self._index = HEADER.size + self.header.entries * self.header.width
        self._shift = 64 - self.header.bits
        self._rest = self._shift - 8 * self.header.width
        self._mask = (1 << 8 * self.header.width) - 1

    def __contains__(self, key: int) -> bool:
        """Of a `password_key` or `key_of`; some microseconds. InputError: the file is damaged."""
        width = self.header.width
        span = os.pread(self._file, _SPAN.size, self._index + PLACE.size * (key >> self._shift))
        first, end = _SPAN.unpack(span) if len(span) == _SPAN.size else (1, 0)
        if not first <= end <= self.header.entries or end - first > _MOST_TOGETHER:
            raise self._damaged("its index leads nowhere")
        wanted = (key >> self._rest & self._mask).to_bytes(width, "big")
        entries = os.pread(self._file, (end - first) * width, HEADER.size + first * width)
        place = entries.find(wanted)
        while place > 0 and place % width:
            place = entries.find(wanted, place + 1)
        return place >= 0

    def verify(self) -> None:
        """Read all of it. InputError: it is not what was written."""
        digest = hashlib.sha256()
        for start in range(HEADER.size, self.header.size, _PIECE):
            digest.update(os.pread(self._file, _PIECE, start))
        if digest.digest()[:16] != self.header.digest:
            raise self._damaged("its checksum is wrong")

    def close(self) -> None:
        """No look-up after it."""
        self._closed()

    def _header(self, octets: bytes, size: int) -> Header:
        if octets[: len(MAGIC)] != MAGIC:
            raise InputError(
                f"{self.path} is no filter of breached passwords",
                phase="password",
                advice="mailward breached build INPUT OUTPUT makes one from a downloaded set",
            )
        if len(octets) < HEADER.size:
            raise self._damaged("it ends in its header")
        _, version, bits, width, count, rate, digest, checksum = HEADER.unpack(octets)
        if zlib.crc32(octets[:-4]) != checksum:
            raise self._damaged("the checksum of its header is wrong")
        if version != VERSION:
            raise InputError(f"{self.path} has version {version}; {VERSION} is known here", phase="password")
        header = Header(bits, width, count, rate, digest)
        if not (bits <= MOST_BITS and 1 <= width <= MOST_WIDTH) or size != header.size:
            raise self._damaged(f"it has {size} octets, not {header.size}")
        return header

    def _damaged(self, how: str) -> InputError:
        return InputError(f"{self.path} is damaged: {how}", phase="password", advice="build it anew")
