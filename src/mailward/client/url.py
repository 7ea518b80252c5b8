"""Which server: a host name, an address, or an smtp:, smtps: URL (percent-encoding as RFC 3986 §2.1).

    smtp.example.org    smtp.example.org:587    [2001:db8::1]:465
    smtps://ann%40example.org:secret@smtp.example.org    smtp://127.0.0.1:2525?tls=starttls
    lmtp://127.0.0.1:24    smtp+unix:///run/mail/submission    lmtp+unix:///run/dovecot/lmtp

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
_SCHEMES = ("smtps", "smtp", "lmtp", "smtp+unix", "lmtp+unix")
_LONGEST_PATH = 107  # octets that the address of a Unix socket holds
_ENCODE = "percent-encode : / ? # [ ] @ and % in user name and password, for example %40 for @"


@dataclass(frozen=True, slots=True)
class Target:
    """What the text says; None for what it leaves open. `host` is ASCII (A-labels) or an IP address.

    `path`: of a Unix socket, whose `host` is "localhost".
    """

    host: str
    port: int | None = None
    scheme: str | None = None
    user: str | None = None
    password: Secret | None = None
    tls: str | None = None
    path: str | None = None

    @property
    def protocol(self) -> str | None:
        """ "smtp" or "lmtp", where there is a scheme to say it."""
        return None if self.scheme is None else "lmtp" if self.scheme.startswith("lmtp") else "smtp"


@dataclass(frozen=True, slots=True)
class Authority:
    """What stands between // and the path of a URL (RFC 3986 §3.2)."""

    user: str | None
    password: Secret | None
    host: str
    port: int | None


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
    scheme = checked_scheme(scheme, _SCHEMES)
    before_query, _, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    if "#" in rest:
        raise InvalidUrl("a server's URL has no fragment", advice=_ENCODE)
    if scheme.endswith("+unix"):
        return _unix(scheme, authority, path if slash else "", query)
    if path:
        raise InvalidUrl("a server's URL has no path", advice=_ENCODE)
    said = parse_authority(authority)
    return Target(said.host, said.port, scheme, said.user, said.password, _tls(query))


def checked_scheme(scheme: str, known: tuple[str, ...]) -> str:
    """In lower case. No other scheme is repeated unless it looks like one: it might be a part of a password."""
    if scheme.lower() not in known:
        shown = f" {scheme}:" if _SCHEME.fullmatch(scheme) else ""
        begin = " or ".join(f"{each}://" for each in known)
        raise InvalidUrl(f"the URL's scheme{shown} is not one we know", advice=f"begin with {begin}")
    return scheme.lower()


def parse_authority(authority: str) -> Authority:
    """Raises InvalidUrl, which repeats nothing of user and password."""
    userinfo, at, host_and_port = authority.rpartition("@")
    user, password = _userinfo(userinfo) if at else (None, None)
    host, port = _host_and_port(host_and_port.replace("%25", "%", 1) if "[" in host_and_port else host_and_port)
    return Authority(user, password, host, port)


def _unix(scheme: str, authority: str, path: str, query: str) -> Target:
    userinfo, at, host = authority.rpartition("@")
    if host:
        raise InvalidUrl("the URL of a Unix socket names no host", advice=f"write {scheme}:///path with three slashes")
    user, password = _userinfo(userinfo) if at else (None, None)
    path = f"/{_decoded(path)}"
    if path == "/" or len(path.encode()) > _LONGEST_PATH:
        raise InvalidUrl(f"the path of a Unix socket has 2 to {_LONGEST_PATH} octets")
    return Target("localhost", None, scheme, user, password, _tls(query), path)


def _userinfo(userinfo: str) -> tuple[str, Secret | None]:
    user, colon, password = userinfo.partition(":")
    if "@" in userinfo or ":" in password:
        raise InvalidUrl("the user part of the URL has a bare @ or : in it", advice=_ENCODE)
    if not user or (colon and not password):
        raise InvalidUrl("the user part of the URL has an empty user name or password", advice=_ENCODE)
    return _decoded(user), Secret(_decoded(password)) if colon else None


def _decoded(text: str) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise InvalidUrl("the URL has a % that begins no two hexadecimal digits", advice=_ENCODE)
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidUrl("the URL is not UTF-8 when decoded", advice=_ENCODE) from None
    if not decoded.isprintable():
        raise InvalidUrl("the URL has control characters when decoded")
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
    if not host.isascii() or "xn--" in host.lower():
        host = ".".join(_a_label(label) for label in host.split("."))
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise InvalidUrl(f"{printable(host, 80)!r} is not a host name")
    return host.lower()


def _a_label(label: str) -> str:
    """Letters are not mapped, except ASCII to lower case: what only looks like another host is refused, not turned
    into it. What claims to be an A-label must be one.
    """
    import idna  # noqa: PLC0415  # its tables are large and few hosts need them

    lower = "".join(letter.lower() if letter.isascii() else letter for letter in label)
    if lower.isascii() and not lower.startswith("xn--"):
        return label
    try:
        encoded = idna.alabel(lower).decode("ascii")
        idna.ulabel(encoded)
        return encoded
    except UnicodeError as error:  # idna.IDNAError is one
        raise InvalidUrl(f"{printable(label, 80)!r} is no label of IDNA2008: {printable(str(error))}") from error


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
