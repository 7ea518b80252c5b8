"""Records of one size in a shared buffer of one size: buckets found by a keyed hash, which nobody outside can aim at.

There is no chain, no growth and no second hash: whoever is not in one of the few places of its bucket is nowhere, and
a newcomer takes the place of the one that is worth least there. So every look-up costs the same under any attack.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from hashlib import blake2b
from mmap import mmap
from typing import TypeAlias

Worth: TypeAlias = tuple[int, ...]

_HASH = struct.Struct("<QQ")
_NAME = struct.Struct("<Q")


class Table:
    """A place is named by the offset of its record in the buffer; 0 is none."""

    __slots__ = ("_buckets", "_buffer", "_key", "_names", "_size", "_start", "_stride", "_ways")

    def __init__(self, buffer: mmap, *, start: int, buckets: int, ways: int, size: int, key: bytes) -> None:
        self._buffer = buffer
        self._start = start
        self._buckets = buckets
        self._ways = ways
        self._size = size
        self._key = key
        self._names = struct.Struct(f"<{ways}Q")
        self._stride = room(1, ways, size)

    def find(self, subject: str) -> int:
        """Where the record of `subject` is; 0 if nothing is remembered of it."""
        name, bucket = self._hash(subject)
        return self._found(name, bucket)

    def place(self, subject: str, worth: Callable[[int], Worth]) -> int:
        """Where it is from now on: its place, a free one, or that of the one worth least, emptied."""
        name, bucket = self._hash(subject)
        found = self._found(name, bucket)
        if found:
            return found
        names = self._names.unpack_from(self._buffer, bucket)
        places = range(self._record(bucket, 0), self._record(bucket, self._ways), self._size)
        offset = places[names.index(0)] if 0 in names else min(places, key=worth)
        self._buffer[offset : offset + self._size] = bytes(self._size)  # first: a name never stands on another's record
        _NAME.pack_into(self._buffer, bucket + 8 * places.index(offset), name)
        return offset

    def drop(self, subject: str) -> None:
        """Remember nothing of it."""
        name, bucket = self._hash(subject)
        names = self._names.unpack_from(self._buffer, bucket)
        if name in names:
            _NAME.pack_into(self._buffer, bucket + 8 * names.index(name), 0)

    def places(self) -> Iterator[int]:
        """Of every record; reads the whole table."""
        for bucket in range(self._start, self._start + self._buckets * self._stride, self._stride):
            for way, name in enumerate(self._names.unpack_from(self._buffer, bucket)):
                if name:
                    yield self._record(bucket, way)

    def __len__(self) -> int:
        """How many records there are; reads the whole table."""
        starts = range(self._start, self._start + self._buckets * self._stride, self._stride)
        return sum(self._ways - self._names.unpack_from(self._buffer, start).count(0) for start in starts)

    def _found(self, name: int, bucket: int) -> int:
        names = self._names.unpack_from(self._buffer, bucket)
        return self._record(bucket, names.index(name)) if name in names else 0

    def _record(self, bucket: int, way: int) -> int:
        return bucket + 8 * self._ways + way * self._size

    def _hash(self, subject: str) -> tuple[int, int]:
        digest = blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()
        name, place = _HASH.unpack(digest)
        return name or 1, self._start + place % self._buckets * self._stride


def room(buckets: int, ways: int, size: int) -> int:
    """Octets of a table."""
    return buckets * ways * (8 + size)
