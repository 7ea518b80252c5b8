"""What stands for a wrong password, so that it is known when it comes again and nothing of it is kept.

A tag is 16 bits of an HMAC: enough to tell a telephone with an old password from a guesser (a new guess passes for one
of ten old ones 1 time in 6500), too little to prove a password to whoever reads the state. The key is drawn anew each
day and lives one day more, so that a window of 24 hours has no gap and nothing can be compared over weeks.
"""

from __future__ import annotations

import hmac
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from mmap import mmap

from mailward.secret import Secret

DAY = 86_400
KEY_OCTETS = 32
_REMEMBERED = 20_000
_HEAD = struct.Struct("<Q32s32s")  # number of the day; keys of the even and of the odd day
SIZE = _HEAD.size


@dataclass(frozen=True, slots=True)
class Tags:
    """Of one password under the keys of the even and the odd day; `day`: which of them is today's.

    exact: 64 bits under a key that never leaves this process; never written anywhere.
    """

    day: int
    account: tuple[int, int]
    site: tuple[int, int]
    exact: bytes = field(repr=False)


class TagKeys:
    """`new_day` hears which of the two keys (0, 1) was replaced."""

    __slots__ = ("_at", "_buffer", "_key_source", "_new_day", "_own_key")

    def __init__(
        self, buffer: mmap, at: int, *, key_source: Callable[[int], bytes], new_day: Callable[[int], None]
    ) -> None:
        self._buffer = buffer
        self._at = at
        self._key_source = key_source
        self._new_day = new_day
        self._own_key = key_source(KEY_OCTETS)

    def tags(self, account: str, password: Secret | str, now: float) -> Tags:
        """password: a Secret, or a text that stands for one (a truncated hash of it)."""
        number, keys = self._keys(now)
        heard = b"p" + _octets(password.reveal()) if isinstance(password, Secret) else b"h" + _octets(password)
        on_account = _octets(account) + b"\0" + heard
        return Tags(
            number % 2,
            (_tag(keys[0], on_account), _tag(keys[1], on_account)),
            (_tag(keys[0], b"\0" + heard), _tag(keys[1], b"\0" + heard)),
            hmac.digest(self._own_key, on_account, "sha256")[:8],
        )

    def _keys(self, now: float) -> tuple[int, tuple[bytes, bytes]]:
        today = int(now // DAY)
        day, even, odd = _HEAD.unpack_from(self._buffer, self._at)
        if day == today:
            return today, (even, odd)
        keys = [even, odd]
        stale = (today % 2,) if day == today - 1 else (0, 1)
        for which in stale:
            keys[which] = self._key_source(KEY_OCTETS)
            self._new_day(which)
        _HEAD.pack_into(self._buffer, self._at, today, *keys)
        return today, (keys[0], keys[1])


class Heard:
    """What this process heard itself it tells apart exactly; what others heard, or it before it was started anew, by
    the 16 bits."""

    def __init__(self) -> None:
        self._exact: OrderedDict[tuple[str, int, int], tuple[bytes, ...]] = OrderedDict()

    def add(self, account: str, tags: Tags) -> None:
        for day, tag in enumerate(tags.account):
            others = self._exact.pop((account, day, tag), ())
            self._exact[account, day, tag] = (*(each for each in others if each != tags.exact), tags.exact)[-4:]
            if len(self._exact) > _REMEMBERED:
                self._exact.popitem(last=False)

    def another(self, account: str, tags: Tags, day: int) -> bool:
        """Whether a password with this tag is known to have been another one."""
        exact = self._exact.get((account, day, tags.account[day]))
        return exact is not None and tags.exact not in exact


def _tag(key: bytes, text: bytes) -> int:
    return int.from_bytes(hmac.digest(key, text, "sha256")[:2], "big")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
