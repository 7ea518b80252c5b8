"""Cyrus SASL's sasldb2, as `db_dump` prints it: key lines and value lines in turn, user NUL realm NUL property."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mailward.accounts.imported import BadLine, Entry, Format, Line, Skipped, Told, named
from mailward.errors import InputError
from mailward.secret import Secret

_ESCAPE = re.compile(rb"\\(\\|[0-9A-Fa-f]{2})")
_ADVICE = "db_dump -p /etc/sasldb2 | mailward user import - --format sasldb"
_PASSWORD = "userPassword"  # noqa: S105  # the name of the property


def _read(lines: Iterable[Line], now: float) -> Iterator[Told]:  # noqa: ARG001  # nothing ends by itself here
    rest = iter(lines)
    decode = _header(rest)
    key: Line | None = None
    for number, text in rest:
        if text == "DATA=END":
            if key is not None:
                yield BadLine(key[0], "the dump ends between a key and its value")
            return
        if key is None:
            key = number, text
        else:
            yield _account(key, text, decode)
            key = None
    raise InputError("the dump of the sasldb is cut short: there is no DATA=END", phase="import", advice=_ADVICE)


def _header(lines: Iterator[Line]) -> Callable[[str], bytes | None]:
    printed = False
    for number, text in lines:
        if text == "HEADER=END":
            return _printed if printed else _hexadecimal
        if number == 1 and not text.startswith("VERSION="):
            break
        printed = printed or text == "format=print"
    raise InputError("this is not what db_dump prints of a sasldb", phase="import", advice=_ADVICE)


def _account(key: Line, value: str, decode: Callable[[str], bytes | None]) -> Told:
    number, text = key
    parts, password = _text(decode(text)).split("\0"), _text(decode(value))
    if len(parts) != 3:
        return BadLine(number, "its key is not user, realm and property, in UTF-8")
    user, realm, kind = parts
    if kind != _PASSWORD:
        return Skipped(number, "it is not a password but another property")
    if not password:
        return BadLine(number + 1, "its password is empty or not UTF-8")
    try:
        name = named(user if "@" in user or not realm else f"{user}@{realm}")
    except InputError as error:
        return BadLine(number, error.message)
    return Entry(line=number, name=name, password=Secret(password))


def _text(octets: bytes | None) -> str:
    try:
        return (octets or b"").decode()
    except UnicodeDecodeError:
        return ""


def _printed(text: str) -> bytes | None:
    if not text.startswith(" "):
        return None
    octets = text[1:].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda found: b"\\" if found[1] == b"\\" else bytes.fromhex(found[1].decode()), octets)


def _hexadecimal(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text[1:]) if text.startswith(" ") else None
    except ValueError:
        return None


FORMAT = Format(name="sasldb", what="Cyrus SASL's sasldb2, printed by db_dump -p", read=_read)
