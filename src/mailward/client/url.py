"""Which server: a host name, an address, or an smtp:, smtps: URL (percent-encoding as RFC 3986 §2.1).

    smtp.example.org    smtp.example.org:587    [2001:db8::1]:465
    smtps://ann%40example.org:secret@smtp.example.org    smtp://127.0.0.1:2525?tls=starttls

No error repeats a part of the text that may hold a password, even where the URL is badly formed.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mailward.errors import InvalidUrl
from mailward.printable import printable
from mailward.secret import Secret

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,19}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_ZONE = re.compile(r"[A-Za-z0-9._\-]{1,32}")
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODE = "percent-encode : / ? # [ ] @ and % in user name and password, for example %40 for @"


@dataclass(frozen=True, slots=True)
class Target:
    """What the text says; None for what it leaves open. `host` is ASCII (A-labels) or an IP address."""

    host: str
    port: int | None = None
    scheme: str | None = None
    user: str | None = None
    password: Secret | None = None
    tls: str | None = None


def parse_target(text: str) -> Target:
    """Raises InvalidUrl."""
    if not _is_one_word(text):
        raise InvalidUrl("the server must be given as a host name or URL without spaces or control characters")
    scheme, mark, rest = text.partition("://")
    if mark:
        return _parse_url(scheme, rest)
    if "@" in text:
        raise InvalidUrl("a user name can only be given in a URL", advice="begin with smtps:// or smtp://")
    host, port = _host_and_port(text)
    return Target(host, port)


def _is_one_word(text: object) -> bool:
    return isinstance(text, str) and bool(text) and text.isprintable() and " " not in text


def _parse_url(scheme: str, rest: str) -> Target:
    if scheme.lower() not in ("smtp", "smtps"):
        shown = f" {scheme}:" if _SCHEME.fullmatch(scheme) else ""
        raise InvalidUrl(f"the URL's scheme{shown} is not one we know", advice="begin with smtps:// or smtp://")
    before_query, _, query = rest.partition("?")
    authority, _, path = before_query.partition("/")
    if path or "#" in rest:
        raise InvalidUrl("a server's URL has no path and no fragment", advice=_ENCODE)
    userinfo, at, host_and_port = authority.rpartition("@")
    user, password = _userinfo(userinfo) if at else (None, None)
    host, port = _host_and_port(host_and_port)
    return Target(host, port, scheme.lower(), user, password, _tls(query))


def _userinfo(userinfo: str) -> tuple[str, Secret | None]:
    user, colon, password = userinfo.partition(":")
    if "@" in userinfo or ":" in password:
        raise InvalidUrl("the user part of the URL has a bare @ or : in it", advice=_ENCODE)
    if not user or (colon and not password):
        raise InvalidUrl("the user part of the URL has an empty user name or password", advice=_ENCODE)
    return _decoded(user), Secret(_decoded(password)) if colon else None


def _decoded(text: str) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise InvalidUrl("the user part of the URL has a % that begins no two hexadecimal digits", advice=_ENCODE)
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidUrl("the user part of the URL is not UTF-8 when decoded", advice=_ENCODE) from None
    if not decoded.isprintable():
        raise InvalidUrl("the user part of the URL has control characters when decoded")
    return decoded


def _tls(query: str) -> str | None:
    if not query:
        return None
    key, _, value = query.partition("=")
    if key != "tls" or value not in ("auto", "implicit", "starttls", "insecure-plaintext"):
        raise InvalidUrl(
            "the URL's query is not one we know",
            advice="it may be tls=auto, tls=implicit, tls=starttls or tls=insecure-plaintext",
        )
    return value


def _host_and_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, closed, after = text[1:].partition("]")
        if not closed or not _is_ip(host, 6) or after[:1] not in ("", ":"):
            raise InvalidUrl("what stands in brackets is not an IPv6 address")
        return host, _port(after[1:]) if after else None
    if text.count(":") > 1 and _is_ip(text, 6):
        return text, None
    host, colon, port = text.partition(":")
    return _host(host), _port(port) if colon else None


def _host(host: str) -> str:
    host = host.removesuffix(".")
    if not host.isascii():
        host = _a_labels(host)
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise InvalidUrl(f"{printable(host, 80)!r} is not a host name")
    return host.lower()


def _a_labels(host: str) -> str:
    import idna  # noqa: PLC0415  # its tables are large and few hosts need them

    try:
        return idna.encode(host, strict=True, uts46=False).decode("ascii")
    except UnicodeError as error:  # idna.IDNAError is one
        raise InvalidUrl(f"{printable(host, 80)!r} is not an IDNA2008 host name: {printable(str(error))}") from error


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise InvalidUrl("the port is not a number from 1 to 65535", advice=_ENCODE)
    return int(text)


def _is_ip(text: str, version: int) -> bool:
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):  # the standard library takes anything for a zone (RFC 4007 §11.2)
        return False
    try:
        return ipaddress.ip_address(address).version == version and (version == 6 or not percent)
    except ValueError:
        return False
