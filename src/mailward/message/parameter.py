"""Parameters of Content-Type and Content-Disposition: written for every reader, read within bounds (RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from mailward.errors import InvalidMessage
from mailward.message.encoded_word import decode_words
from mailward.message.field import check_value
from mailward.printable import printable

MOST_PARAMETERS: Final = 100
LONGEST_VALUE: Final = 16_384  # octets of a whole field that is read
_CHUNK = 56  # characters of a value in one line
_SAFE = "!#$&+-.^_`|~"  # what stands for itself beside letters and digits (RFC 2231 §7)
_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]++"  # noqa: S105  # of RFC 2045 §5.1
_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})")
_PARAMETER = re.compile(
    rf'[ \t]*+;[ \t;]*+({_TOKEN})[ \t]*+=[ \t]*+(?:"([^"\\]*+(?>(?:\\.[^"\\]*+)*))"|([^ \t;"]*+))', re.DOTALL
)
_PIECE = re.compile(r"([^*]++)(?:\*(\d{1,3}))?(\*)?")
_PAIR = re.compile(r"\\(.)", re.DOTALL)


def media_type(text: str) -> str:
    """`type/subtype; name=value` as its author gave it, written out in lower case. Raises InvalidMessage."""
    check_value("Content-Type", text)
    found = _TYPE.match(text)
    if found is None or _end(text, found.end()) != len(text.rstrip()):
        raise InvalidMessage(f"{printable(text, 80)!r} is no media type; one looks like application/pdf")
    if found[1].lower() in {"multipart", "message"}:
        raise InvalidMessage(f"a {found[1].lower()} part cannot be attached as octets", advice="use forward()")
    parts = [written(name.lower(), value) for name, value in _parameters(text, found.end())]
    return "".join([found[0].lower(), *parts])


def written(name: str, value: str) -> str:
    """One parameter with the semicolon and the line break before it: quoted, or as RFC 2231 has it."""
    check_value(name, value)
    if value.isascii() and len(value) <= _CHUNK:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n {name}="{escaped}"'
    if len(value) > 1_000:
        raise InvalidMessage(f"the {name} of a part has more than 1000 characters")
    chunks = list(_chunks(value))
    if len(chunks) == 1:
        return f";\r\n {name}*=utf-8''{chunks[0]}"
    first = f";\r\n {name}*0*=utf-8''{chunks[0]}"
    return first + "".join(f";\r\n {name}*{number}*={chunk}" for number, chunk in enumerate(chunks[1:], 1))


def _chunks(value: str) -> Iterator[str]:
    line = ""
    for character in value:
        escaped = quote(character, safe=_SAFE)
        if len(line) + len(escaped) > _CHUNK:
            yield line
            line = ""
        line += escaped
    yield line


def read_type(value: bytes) -> tuple[str, dict[str, str]]:
    """The media type in lower case, "" if it is none, and its parameters. Raises InvalidMessage for too many."""
    text = _text(value)
    found = _TYPE.match(text)
    return (found[0].lower(), _read(text, found.end())) if found else ("", {})


def read_disposition(value: bytes) -> tuple[str, dict[str, str]]:
    """`attachment` or `inline` in lower case, and its parameters."""
    text = _text(value)
    end = len(text.partition(";")[0])
    return text[:end].strip().lower(), _read(text, end)


def _text(value: bytes) -> str:
    if len(value) > LONGEST_VALUE:
        raise InvalidMessage(f"a field of a part has more than {LONGEST_VALUE} octets")
    return value.decode("utf-8", "replace").strip()


def _end(text: str, start: int) -> int:
    while found := _PARAMETER.match(text, start):
        start = found.end()
    return start


def _parameters(text: str, start: int) -> Iterator[tuple[str, str]]:
    count = 0
    while found := _PARAMETER.match(text, start):
        count += 1
        if count > MOST_PARAMETERS:
            raise InvalidMessage(f"a field of a part has more than {MOST_PARAMETERS} parameters")
        yield found[1], found[3] if found[2] is None else _PAIR.sub(r"\1", found[2])
        start = found.end()


def _read(text: str, start: int) -> dict[str, str]:
    """The first of two with one name counts; pieces are put together in their order."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, bytes]] = {}
    charsets: dict[str, str] = {}
    for name, value in _parameters(text, start):
        found = _PIECE.fullmatch(name.lower())
        if found is None or not (found[2] or found[3]):
            plain.setdefault(name.lower(), decode_words(value))
            continue
        number = int(found[2] or 0)
        charset, _, rest = value.partition("'") if found[3] and number == 0 else ("", "", "")
        if "'" in rest:
            charsets[found[1]] = charset
        octets = unquote_to_bytes(rest.partition("'")[2] if "'" in rest else value) if found[3] else value.encode()
        pieces.setdefault(found[1], {}).setdefault(number, octets)
    return plain | {name: _joined(parts, charsets.get(name, "")) for name, parts in pieces.items()}


def _joined(parts: dict[int, bytes], charset: str) -> str:
    octets = b"".join(octets for _, octets in sorted(parts.items()))
    latin = charset.lower() in {"iso-8859-1", "latin-1", "windows-1252"}
    return octets.decode("latin-1" if latin else "utf-8", "replace")
