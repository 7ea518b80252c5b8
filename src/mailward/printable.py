"""Make hostile text safe to show: control, bidi and undecodable characters become visible escapes."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str | bytes, limit: int = 512) -> str:
    """`text` on one line with every character that could move a cursor or a word escaped; at most `limit` characters.

    Bytes are read as UTF-8; what is not UTF-8 shows as `\\xNN`.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "backslashreplace")
    elif len(text) > 4 * limit:
        text = text[: 4 * limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escape(character) for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escape(character: str) -> str:
    if character.isprintable() and unicodedata.category(character) not in _HIDDEN:
        return character
    point = ord(character)
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
