"""What the guard remembers: one file of fixed size, mapped into every worker, that outlives each of them.

There is nothing to replay and nothing to repair: every figure is checked where it is read, a worker that is killed
leaves at worst one record half written, and the guesses it held are free again after a minute, or by `release_all`. A
file that is damaged, of another version or of another size is replaced, and `replaced` says why.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from hashlib import blake2b
from pathlib import Path

from mailward.errors import StoreError
from mailward.guard import ledger, score, spraying
from mailward.guard.ledger import Ledgers
from mailward.guard.score import Scores
from mailward.guard.spraying import Spraying
from mailward.guard.table import Table, room
from mailward.guard.tags import TagKeys

_MAGIC = b"MWGUARD\n"
_VERSION = 1
_HEAD = struct.Struct("<8sIIII16s16s")  # magic, version, record sizes, buckets, key of the hash, checksum of these
_KEY_OCTETS = 16
_SCORE_WAYS, _LEDGER_WAYS = 8, 16
_TAGS_AT, _SPRAYING_AT = 128, 256
_TABLES_AT = -(-(_SPRAYING_AT + spraying.SIZE) // mmap.PAGESIZE) * mmap.PAGESIZE


class GuardState:
    """`scores`, `ledgers`, `spraying` and `tags` are read and written within `alone` only."""

    def __init__(
        self,
        buffer: mmap.mmap,
        *,
        sources: int,
        accounts: int,
        key_source: Callable[[int], bytes],
        descriptor: int = -1,
        replaced: str | None = None,
    ) -> None:
        key = _HEAD.unpack_from(buffer)[5]
        self.replaced = replaced
        self._buffer = buffer
        self._descriptor = descriptor
        self._key = key
        self._lock = _Lock(descriptor) if descriptor >= 0 else nullcontext()
        scores, ledgers = _buckets(sources, accounts)
        end = _TABLES_AT + room(scores, _SCORE_WAYS, score.FORM.size)
        self.scores = Scores(
            Table(buffer, start=_TABLES_AT, buckets=scores, ways=_SCORE_WAYS, size=score.FORM.size, key=key), buffer
        )
        self.ledgers = Ledgers(
            Table(buffer, start=end, buckets=ledgers, ways=_LEDGER_WAYS, size=ledger.SIZE, key=key), buffer
        )
        self.spraying = Spraying(buffer, _SPRAYING_AT)
        self.tags = TagKeys(buffer, _TAGS_AT, key_source=key_source, new_day=self.spraying.new_day)

    @classmethod
    def open(cls, path: Path, *, sources: int, accounts: int, key_source: Callable[[int], bytes]) -> GuardState:
        """The state at `path`, made if it is missing or no good. key_source: so many random octets.

        Raises StoreError when it can neither be read nor made.
        """
        head = _head(sources, accounts, key_source(_KEY_OCTETS))
        try:
            descriptor, replaced = _attached(path, head, sources, accounts)
            buffer = mmap.mmap(descriptor, _size(sources, accounts), mmap.MAP_SHARED)
        except OSError as error:
            raise StoreError(
                f"the guard's state {path} cannot be used: {os.strerror(error.errno or 0)}",
                phase="store",
                advice="Make room or set the permissions of the state directory right, then start again.",
            ) from error
        return cls(
            buffer,
            sources=sources,
            accounts=accounts,
            key_source=key_source,
            descriptor=descriptor,
            replaced=replaced,
        )

    @classmethod
    def in_memory(cls, *, sources: int, accounts: int, key_source: Callable[[int], bytes]) -> GuardState:
        """The same without a file, of this process only: for tests, the simulator and the backtest."""
        buffer = mmap.mmap(-1, _size(sources, accounts), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        head = _head(sources, accounts, key_source(_KEY_OCTETS))
        buffer[: len(head)] = head
        return cls(buffer, sources=sources, accounts=accounts, key_source=key_source)

    @classmethod
    def copy(cls, path: Path, *, key_source: Callable[[int], bytes]) -> GuardState:
        """What is at `path` now, to look at and to try out: nothing that is done to the copy reaches the file.

        Takes no lock, for whoever holds one up holds up every login. Raises StoreError; makes and replaces nothing.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                return _copied(descriptor, path, key_source)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(f"{path}: {os.strerror(error.errno or 0)}", phase="store") from error

    def alone(self) -> AbstractContextManager[None]:
        """No other worker looks or writes meanwhile. Not to be entered twice."""
        return self._lock

    def release_all(self) -> None:
        """Free what workers held that are no more. Only for who knows that there is no worker: a server that starts."""
        with self.alone():
            self.scores.release_all()
            self.ledgers.release_all()

    def hash(self, text: str) -> int:
        """64 bits that nobody outside can foresee."""
        return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest())

    def close(self) -> None:
        self._buffer.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Lock(AbstractContextManager[None]):
    """Of the whole file, between processes; a worker that dies lets go of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_exc: object) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


def _buckets(sources: int, accounts: int) -> tuple[int, int]:
    return -(-sources // _SCORE_WAYS), -(-accounts // _LEDGER_WAYS)


def _size(sources: int, accounts: int) -> int:
    scores, ledgers = _buckets(sources, accounts)
    return _TABLES_AT + room(scores, _SCORE_WAYS, score.FORM.size) + room(ledgers, _LEDGER_WAYS, ledger.SIZE)


def _head(sources: int, accounts: int, key: bytes) -> bytes:
    sizes = score.FORM.size << 16 | ledger.SIZE
    fields = (_MAGIC, _VERSION, sizes, *_buckets(sources, accounts), key)
    told = _HEAD.pack(*fields, bytes(16))
    return _HEAD.pack(*fields, blake2b(told, digest_size=16).digest())


def _attached(path: Path, head: bytes, sources: int, accounts: int) -> tuple[int, str | None]:
    """An open file that is good, and why the one before it was replaced."""
    size, replaced = _size(sources, accounts), None
    while True:
        descriptor = _opened(path)
        if descriptor is None:
            _make(path, head, size, replace=False)
            continue
        try:
            with _Lock(descriptor):
                fault = _fault(descriptor, path, sources, accounts)
                if fault is None:
                    return descriptor, replaced
                if fault:
                    replaced = fault
                    _make(path, head, size, replace=True)
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _fault(descriptor: int, path: Path, sources: int, accounts: int) -> str | None:
    """What is wrong with an opened file; None: nothing, "": another one is at `path` by now."""
    status = os.fstat(descriptor)
    try:
        now = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return ""
    if (now.st_dev, now.st_ino) != (status.st_dev, status.st_ino):
        return ""
    head = os.pread(descriptor, _HEAD.size, 0)
    if len(head) < _HEAD.size or head[:8] != _MAGIC:
        return "it is damaged"
    if head[8:12] != _VERSION.to_bytes(4, "little"):
        return "it was written by another version"
    key = _HEAD.unpack(head)[5]
    if head != _head(sources, accounts, key):
        same_sum = head[-16:] == blake2b(head[:-16] + bytes(16), digest_size=16).digest()
        return "it was made for other numbers of sources and accounts" if same_sum else "it is damaged"
    if status.st_size != _size(sources, accounts):
        return "it is damaged"
    os.fchmod(descriptor, 0o600)
    return None


def _make(path: Path, head: bytes, size: int, *, replace: bool) -> None:
    """Whole or not at all, and never in place: other workers may have the old one mapped."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)  # now, not when a page is first written to: that would be a SIGBUS
        os.pwrite(descriptor, head, 0)
        os.fsync(descriptor)
        if replace:
            draft.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(draft, path)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            draft.unlink()


def _copied(descriptor: int, path: Path, key_source: Callable[[int], bytes]) -> GuardState:
    head = os.pread(descriptor, _HEAD.size, 0)
    if len(head) < _HEAD.size:
        raise StoreError(f"{path} is damaged", phase="store")
    *_, scores, ledgers, key, _sum = _HEAD.unpack(head)
    sources, accounts = scores * _SCORE_WAYS, ledgers * _LEDGER_WAYS
    size = _size(sources, accounts)
    if head != _head(sources, accounts, key) or os.fstat(descriptor).st_size != size:
        raise StoreError(f"{path} is damaged, or of another version", phase="store")
    buffer = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    at = 0
    with memoryview(buffer) as whole:
        while at < size and (read := os.preadv(descriptor, [whole[at:]], at)):
            at += read
    return GuardState(buffer, sources=sources, accounts=accounts, key_source=key_source)
