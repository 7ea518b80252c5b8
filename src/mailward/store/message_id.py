"""Names of messages: ULIDs, 48 bits of milliseconds and 80 random bits; in text order they are in order of time."""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
RANDOM_OCTETS = 10
LENGTH = 2 * len(_SHIFTS)


def new_id(now_ms: int, random: bytes) -> str:
    """26 characters. `now_ms`: Unix milliseconds. `random`: ten octets from a good source."""
    number = (now_ms & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(random[:RANDOM_OCTETS])
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def is_id(text: str) -> bool:
    """Whether `text` could be a message's name; such a text is also safe as a file's name."""
    return len(text) == LENGTH and all(character in _ALPHABET for character in text)
