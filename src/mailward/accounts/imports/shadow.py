"""/etc/shadow (shadow(5): nine fields) and old /etc/passwd (seven), or any name:hash line of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mailward.accounts.imported import Entry, Format, Line, Skipped, Told, each, named, proved
from mailward.errors import InputError

_DAY = 86_400
_SHADOW, _PASSWD = 9, 7
_EXPIRES = 7
_NONE = re.compile(r"[!*x]*")
_DAYS = re.compile(r"[0-9]{1,7}")


def _read(lines: Iterable[Line], now: float) -> Iterator[Told]:
    return each(lines, lambda line: _account(line, now))


def _account(line: Line, now: float) -> Told:
    number, text = line
    fields = text.split(":")
    if len(fields) not in {_SHADOW, _PASSWD}:
        raise InputError(f"it has {len(fields)} fields: shadow has {_SHADOW}, passwd {_PASSWD}", phase="import")
    name, password = named(fields[0]), fields[1]
    if not password:
        raise InputError("it has an empty password: anybody could log in", phase="import")
    if _NONE.fullmatch(password):
        return Skipped(number, "it has no password")
    disabled = password.startswith("!") or _expired(fields, now)
    return proved(Entry(line=number, name=name, disabled=disabled), password.lstrip("!"))


def _expired(fields: list[str], now: float) -> bool:
    if len(fields) != _SHADOW or not fields[_EXPIRES]:
        return False
    if not _DAYS.fullmatch(fields[_EXPIRES]):
        raise InputError("its day of expiry is not a number", phase="import")
    return int(fields[_EXPIRES]) * _DAY <= now


FORMAT = Format(name="shadow", what="/etc/shadow, or an /etc/passwd with hashes in it", read=_read)
