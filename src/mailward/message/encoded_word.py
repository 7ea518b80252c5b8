"""Encoded words, text other than ASCII in a header: written in UTF-8, read in any charset of mail (RFC 2047)."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

_PAYLOAD = 48  # characters between the last two question marks; the word is 60, so "Subject: " and a word fit a line
_WORD = re.compile(r"=\?([A-Za-z0-9_.\-]{1,40})(?:\*[A-Za-z0-9\-]{0,40})?\?([BbQq])\?([!->@-~]*+)\?=")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
# Named one by one: Python knows codecs that are no charsets of mail and cost more than they give.
CHARSET = re.compile(
    r"us-ascii|utf-8|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc-(?:jp|kr)"
    r"|iso-2022-(?:jp|kr)",
    re.IGNORECASE | re.ASCII,
)

Piece = TypeVar("Piece", str, bytes)


def encode_words(text: str) -> str:
    """All of `text` as encoded words with a space between each; Q or B, whichever is shorter.

    Legal wherever encoded words are, display names too (RFC 2047 §5 (3)). Raises UnicodeEncodeError for surrogates.
    """
    quoted = [_quoted(character) for character in text]
    if sum(map(len, quoted)) <= (len(text.encode()) + 2) // 3 * 4:
        return " ".join(f"=?utf-8?q?{''.join(chunk)}?=" for chunk in _chunks(quoted, _PAYLOAD))
    octets = [character.encode() for character in text]
    chunks = _chunks(octets, _PAYLOAD // 4 * 3)
    return " ".join(f"=?utf-8?b?{b64encode(b''.join(chunk)).decode()}?=" for chunk in chunks)


def _quoted(character: str) -> str:
    if character in _PLAIN:
        return character
    return "_" if character == " " else "".join(f"={octet:02X}" for octet in character.encode())


def _chunks(pieces: list[Piece], limit: int) -> Iterator[list[Piece]]:
    """Whole characters only: no character is split over two words (RFC 2047 §5)."""
    chunk: list[Piece] = []
    size = 0
    for piece in pieces:
        if chunk and size + len(piece) > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append(piece)
        size += len(piece)
    if chunk:
        yield chunk


def decode_words(text: str) -> str:
    """`text` with its encoded words read; those in an unknown charset stay as they are, bad octets show as `\\xNN`."""
    if "=?" not in text:
        return text
    parts: list[str] = []
    run: list[tuple[str, bytes]] = []
    end = 0
    for word in _WORD.finditer(text):
        octets = _octets(word)
        if octets is None:
            continue
        gap = text[end : word.start()]
        if not run or gap.strip(" \t"):  # white space between two encoded words is not shown (RFC 2047 §6.2)
            parts += (_decoded(run), gap)
            run = []
        run.append((word[1].lower(), octets))
        end = word.end()
    parts += (_decoded(run), text[end:])
    return "".join(parts)


def _octets(word: re.Match[str]) -> bytes | None:
    if not CHARSET.fullmatch(word[1]):
        return None
    if word[2] in "Qq":
        return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), word[3].replace("_", " ").encode())
    try:
        return a2b_base64(word[3])
    except Error:
        return None


def _decoded(run: list[tuple[str, bytes]]) -> str:
    """Neighbours of one charset are read together: some writers split a character."""
    texts = []
    for charset, words in groupby(run, key=itemgetter(0)):
        octets = b"".join(word[1] for word in words)
        try:
            texts.append(octets.decode(charset, "backslashreplace"))
        except (LookupError, UnicodeError):
            texts.append(octets.decode("latin-1"))
    return "".join(texts)
