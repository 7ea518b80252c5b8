"""What a password scheme is: one file of `schemes/` reads one kind of verifier and gives what checks a password."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mailward.errors import StoreError

Check: TypeAlias = Callable[[bytes], bool]
"""Whether these octets are the password. May take long; compares in constant time."""

# A verifier is read from a file: what it may make us spend is bounded, to about a second of one core.
MOST_SCRYPT_BLOCKS = 1 << 21  # N * r, of 128 octets each: 256 MiB
MOST_SCRYPT_WORK = 1 << 22  # N * r * p
LONGEST_DIGEST, SHORTEST_DIGEST = 128, 16
_BASE64 = re.compile(r"[A-Za-z0-9+/]{0,1024}={0,2}")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One file of `schemes/` holds one of these as `SCHEME`.

    read: the check of a verifier of this scheme, None for any other text. It raises what `unreadable` gives for one
    that is damaged or asks for too much, before anything is spent on it.
    weak: a stolen verifier of it is a known password; imported only when asked for by name.
    """

    name: str
    read: Callable[[str], Check | None]
    weak: bool = False


def unreadable(why: str) -> StoreError:
    """No verifier is shown: it is as good as a password to those who have time."""
    return StoreError(
        f"the stored verifier of the account cannot be used: {why}",
        phase="auth",
        advice="set the account's password again: mailward user passwd",
    )


def number(text: str, *, least: int = 1, most: int, what: str) -> int:
    """A decimal number without sign or zeros before it."""
    value = int(text) if _NUMBER.fullmatch(text) else 0
    if not least <= value <= most:
        raise unreadable(f"it asks for {what} outside {least} to {most}")
    return value


def octets(text: str, *, what: str = "hash") -> bytes:
    """base64, with or without padding, in the usual alphabet or passlib's (`.` for `+`)."""
    plain = text.replace(".", "+")
    if not _BASE64.fullmatch(plain):
        raise unreadable(f"its {what} is not base64")
    bare = plain.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise unreadable(f"its {what} is not base64") from None


def digest_of(text: str) -> bytes:
    """The hash at the end of a verifier; one that is cut short would match too much."""
    digest = octets(text)
    if not SHORTEST_DIGEST <= len(digest) <= LONGEST_DIGEST:
        raise unreadable(f"its hash is not {SHORTEST_DIGEST} to {LONGEST_DIGEST} octets long")
    return digest


def check_scrypt(n_log2: int, r: int, p: int) -> None:
    """The bounds of scrypt and yescrypt: N = 2^n_log2 rounds of blocks of r * 128 octets, p times."""
    if not 1 <= n_log2 <= 31 or r < 1 or p < 1:
        raise unreadable("its scrypt parameters mean nothing")
    if (r << n_log2) > MOST_SCRYPT_BLOCKS or (r * p << n_log2) > MOST_SCRYPT_WORK:
        raise unreadable("it asks for more memory or time than a login may take")
