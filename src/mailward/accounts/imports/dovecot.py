"""Dovecot's passwd-file: user:{SCHEME}password:uid:gid:gecos:home:shell:extra fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailward.accounts.imported import Entry, Format, Line, Skipped, Told, each, named, networks, proved
from mailward.errors import InputError

_EXTRA = 7  # colons before the extra fields; they may hold colons themselves
_NO = frozenset({"n", "no", "0", "false"})
# They let in more, or less, than a password and a list of networks can say: not to be dropped in silence.
_MEANT = {
    "nopassword": "any password opens it",
    "allow_real_nets": "it limits the address behind a proxy",
    "user": "its extra field gives it another name",
    "proxy": "it stands for an account of another server",
    "proxy_maybe": "it stands for an account of another server",
}


def _read(lines: Iterable[Line], now: float) -> Iterator[Told]:  # noqa: ARG001  # nothing ends by itself here
    return each(lines, _account)


def _account(line: Line) -> Told:
    number, text = line
    fields = text.split(":", _EXTRA)
    if len(fields) < 2:
        raise InputError("it has no colon between name and password", phase="import")
    extra = _extra(fields[_EXTRA] if len(fields) > _EXTRA else "")
    for field, why in _MEANT.items():
        if field in extra:
            raise InputError(f"{why} ({field})", phase="import")
    name = named(fields[0])
    if not fields[1]:
        return Skipped(number, "it has no password; another source proves it")
    entry = Entry(
        line=number,
        name=name,
        allow_from=networks(extra["allow_nets"]) if "allow_nets" in extra else (),
        disabled=any(extra.get(field, "no").lower() not in _NO for field in ("nologin", "expired")),
    )
    return proved(entry, fields[1])


def _extra(text: str) -> dict[str, str]:
    """name=value, separated by spaces; a name alone says yes. What begins with userdb_ is not about logins."""
    pairs = (field.partition("=") for field in text.split())
    return {name.lower(): value or "yes" for name, _, value in pairs if not name.startswith("userdb_")}


FORMAT = Format(name="dovecot", what="Dovecot's passwd-file", read=_read)
