"""Judgements on tokens, kept for a short while under the hash of the token."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from mailward.accounts.token_claims import BadToken, BearerAnswer
from mailward.secret import Secret

GOOD_FOR = 300.0  # seconds: how long a token works on after its issuer has revoked it
BAD_FOR = 30.0
T = TypeVar("T")


class TokenCache:
    """size: how many answers of each kind. Good ones and bad ones do not compete: bad ones come from anybody."""

    def __init__(self, *, now: Callable[[], float], size: int = 4096) -> None:
        self._now = now
        self._good: _Recent[BearerAnswer] = _Recent(size)
        self._bad: _Recent[str] = _Recent(size)

    def find(self, token: Secret) -> BearerAnswer | None:
        """The answer, None when the token has to be judged. Raises BadToken when it was judged bad lately."""
        key, now = _key(token), self._now()
        answer = self._good.find(key, now)
        if answer is None and (reason := self._bad.find(key, now)) is not None:
            raise BadToken(reason)
        return answer

    def good(self, token: Secret, answer: BearerAnswer) -> None:
        self._good.keep(_key(token), answer, min(answer.expires, self._now() + GOOD_FOR))

    def bad(self, token: Secret, reason: str) -> None:
        self._bad.keep(_key(token), reason, self._now() + BAD_FOR)

    def __len__(self) -> int:
        return len(self._good) + len(self._bad)


class _Recent(Generic[T]):
    """The `size` values that were used last, each until its own moment."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[bytes, tuple[T, float]] = OrderedDict()

    def find(self, key: bytes, now: float) -> T | None:
        found = self._values.get(key)
        if found is None:
            return None
        value, until = found
        if now >= until:
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value

    def keep(self, key: bytes, value: T, until: float) -> None:
        self._values[key] = (value, until)
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)


def _key(token: Secret) -> bytes:
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).digest()
