"""Which wrong passwords an account has heard before, without keeping any of them."""

from __future__ import annotations

import hmac
from collections import OrderedDict

from mailward.secret import Secret

_REMEMBERED = 32
_TAG_OCTETS = 2


class WrongPasswords:
    """The last 32 for each of at most `limit` accounts, in memory only.

    A tag is 16 bits of an HMAC under a key of this process: enough to tell a telephone with an old password from a
    guesser (a new guess passes for an old one 1 time in 2000), too little to prove a password to whoever reads the
    memory.
    """

    def __init__(self, key: bytes, *, limit: int) -> None:
        self._key = key
        self._limit = limit
        self._tags: OrderedDict[str, tuple[bytes, ...]] = OrderedDict()

    def heard(self, account: str, password: Secret) -> bool:
        """Whether `account` was tried with this wrong password lately; from now on it was."""
        tag = self._tag(account, password)
        tags = self._tags.pop(account, ())
        self._tags[account] = (*(old for old in tags if old != tag), tag)[-_REMEMBERED:]
        if len(self._tags) > self._limit:
            self._tags.popitem(last=False)
        return tag in tags

    def __len__(self) -> int:
        return len(self._tags)

    def _tag(self, account: str, password: Secret) -> bytes:
        text = f"{account}\0{password.reveal()}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256")[:_TAG_OCTETS]
