"""htpasswd: name:hash, as web servers keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailward.accounts.imported import Entry, Format, Line, Told, each, named, proved
from mailward.errors import InputError


def _read(lines: Iterable[Line], now: float) -> Iterator[Told]:  # noqa: ARG001  # nothing ends by itself here
    return each(lines, _account)


def _account(line: Line) -> Told:
    number, text = line
    name, colon, verifier = text.strip().partition(":")
    if not colon:
        raise InputError("it has no colon between name and password", phase="import")
    if verifier.startswith("$apr1$"):
        raise InputError("its hash is MD5 (apr1); make it again with htpasswd -B", phase="import")
    return proved(Entry(line=number, name=named(name)), verifier.partition(":")[0])


FORMAT = Format(name="htpasswd", what="the htpasswd file of a web server", read=_read)
