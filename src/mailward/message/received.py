"""The trace field of a server that takes a message in (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3)."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from functools import lru_cache

from mailward.errors import InputError
from mailward.message.date_time import date_time
from mailward.printable import printable
from mailward.wire.address import Mailbox

PROTOCOLS = frozenset(
    {"SMTP"} | {f"{base}{suffix}" for base in ("ESMTP", "UTF8SMTP") for suffix in ("", "A", "S", "SA")}
)

_LINE = 78
_LONGEST_NAME = 255
_SAFE = re.compile(r"[A-Za-z0-9._\-]{1,255}")
_NAME = re.compile(r"[^A-Za-z0-9._\-]")
_LITERAL = re.compile(r"\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE | re.ASCII)
_COMMENT = re.compile(r"[^A-Za-z0-9._+/:= \-]")


def protocol_name(*, tls: bool, authenticated: bool, smtputf8: bool) -> str:
    """The word after `with` for an extended session: ESMTP, ESMTPA, ESMTPS, ESMTPSA or the same with UTF8SMTP."""
    return ("UTF8SMTP" if smtputf8 else "ESMTP") + ("S" if tls else "") + ("A" if authenticated else "")


def received(
    *,
    by: str,
    from_ehlo: str,
    source: str,
    protocol: str,
    id: str,  # noqa: A002  # the clause's name in RFC 5321
    date: datetime,
    tls: str | None = None,
    for_: str | None = None,
) -> bytes:
    """The folded field with its CRLF, to be put before the content.

    `by`: our host name. `from_ehlo`: what the client said, reduced to letters, digits, `.`, `-` and `_`, the rest shown
    as `?`. `source`: the client's IP address. `protocol`: one of PROTOCOLS. `tls`: version and cipher. `for_`: the
    recipient if there is one only; one beyond ASCII is told under UTF8SMTP alone, a bare postmaster never.
    """
    beginning, line = _beginning(by, from_ehlo, source, protocol, tls)
    clauses = [f"id {_name(id)}"]
    if for_ is not None and "@" in for_ and (for_.isascii() or protocol.startswith("UTF8")):
        clauses.append(f"for <{Mailbox.parse(for_)}>")
    clauses[-1] += ";"
    clauses.append(date_time(date))
    return (beginning + _folded(line, clauses)).encode()


@lru_cache(maxsize=1024)  # a session's is the same in all its messages
def _beginning(by: str, from_ehlo: str, source: str, protocol: str, tls: str | None) -> tuple[str, str]:
    """The whole lines that every message of a session begins with, and the line that goes on."""
    if protocol not in PROTOCOLS:
        raise InputError(f"{printable(protocol, 40)!r} is no protocol name of RFC 3848")
    clauses = [f"from {_name(from_ehlo)} ({_address_literal(source)})"]
    if tls is not None:
        clauses.append(f"(using {_COMMENT.sub('?', tls)[:200]})")
    clauses += [f"by {_name(by)}", f"with {protocol}"]
    lines, end, line = _folded("Received:", clauses).removesuffix("\r\n").rpartition("\r\n")
    return lines + end, line


def _name(text: str) -> str:
    """A domain, an address literal, or what is safe of anything else."""
    if _SAFE.fullmatch(text) or _LITERAL.fullmatch(text):
        return text
    return _NAME.sub("?", text[:_LONGEST_NAME]) or "unknown"


def _address_literal(source: str) -> str:
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError as error:
        raise InputError(f"{printable(source, 60)!r} is no IP address") from error
    if isinstance(address, ipaddress.IPv4Address):
        return f"[{address}]"
    return f"[{address.ipv4_mapped}]" if address.ipv4_mapped else f"[IPv6:{address}]"


def _folded(line: str, clauses: list[str]) -> str:
    """`line` goes on with the clauses, each on the next line if it does not fit."""
    lines = []
    for clause in clauses:
        if line != "Received:" and len(line) + 1 + len(clause) > _LINE:
            lines.append(line)
            line = "\t" + clause
        else:
            line += " " + clause
    return "\r\n".join([*lines, line, ""])
