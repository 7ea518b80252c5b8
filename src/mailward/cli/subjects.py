"""Whom a command is about: an address, an account or a session, as a person writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.guard.source import Source

_SESSION = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the three; the other two are None and ""."""

    source: Source | None = None
    account: str = ""
    session: str = ""

    @property
    def kind(self) -> str:
        return "source" if self.source is not None else "session" if self.session else "account"


def read(text: str) -> Subject:
    """192.0.2.7, 2001:db8::1, ann@example.test, 0123456789ab; `ip:`, `account:` and `session:` before it say which.

    Raises InputError.
    """
    from mailward.accounts.account import canonical  # noqa: PLC0415 - loads what only some commands need
    from mailward.guard.source import canonical_source, looks_like_address  # noqa: PLC0415

    kind, colon, rest = text.partition(":")
    kind, rest = (kind, rest) if colon and kind in {"ip", "account", "session"} else ("", text)
    if kind == "session" or (not kind and _SESSION.fullmatch(rest)):
        return Subject(session=rest if kind else rest.lower())
    if kind != "account":
        try:
            return Subject(source=canonical_source(rest.removesuffix("/64")))
        except InputError:
            if kind == "ip" or looks_like_address(rest):
                raise _no_subject(rest) from None
    return Subject(account=canonical(rest))


def subject_of(text: str) -> str:
    """What the book of bans calls an address (IPv6: its /64) or an account. Raises InputError."""
    from mailward.accounts.account import canonical  # noqa: PLC0415
    from mailward.guard.source import ring  # noqa: PLC0415

    subject = read(f"account:{text}" if _SESSION.fullmatch(text) else text)
    if subject.session:
        raise InputError(f"{printable(text, 80)} is a session; only addresses and accounts are banned")
    return ring(subject.source) if subject.source is not None else f"account:{canonical(subject.account)}"


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _no_subject(text: str) -> InputError:
    if not _is_network(text):
        return InputError(
            f"{printable(text, 80)!r} is not an IP address",
            advice="write 192.0.2.7 or 2001:db8::7; `account:` before it if it is the name of an account",
        )
    return InputError(
        f"{printable(text, 80)} is a network: bans are of one IPv4 address or one IPv6 /64",
        advice="a wider network belongs in allowlist.blocked of mailward.toml, or name an address in it",
    )
