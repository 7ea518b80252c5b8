"""A way through an HTTP proxy, without I/O: CONNECT with Basic authentication (RFC 9110 §9.3.6, RFC 9112, RFC 7617)."""

from __future__ import annotations

import base64
import re
from collections.abc import Generator
from typing import Final

from mailward.errors import InputError, ProxyError
from mailward.printable import printable
from mailward.wire.tunnel import Ask, Destination, Exchange, Login, broken, turned_away, unreached

MOST: Final = 16_384  # octets of one head: the status line and the fields
_MOST_INTERIM: Final = 4  # heads of 1yz before the one that counts
_END: Final = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n\0]*))?")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*")
_CHALLENGE = re.compile(rb"(?i)proxy-authenticate:[ \t]*([A-Za-z0-9\-]{1,40})")
_LATER: Final = (408, 425, 429, 500, 502, 503, 504)


def http_connect(destination: Destination, login: Login | None) -> Exchange:
    """The proxy looks names up. It is heard octet by octet, so that what follows its head stays where it is."""
    head = yield from _head(_request(destination, login))
    for _ in range(_MOST_INTERIM):
        if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            break
        head = yield from _head(b"")
    code, reason = _status(head)
    if code == 407:
        raise _wants_login(head, login)
    if not 200 <= code < 300:
        raise unreached(destination, f"{code} {printable(reason, 120)}".strip(), retryable=code in _LATER)


def _request(destination: Destination, login: Login | None) -> bytes:
    ip = destination.ip
    host = f"[{ip}]" if ip is not None and ip.version == 6 else destination.host
    lines = [f"CONNECT {host}:{destination.port} HTTP/1.1", f"Host: {host}:{destination.port}"]
    if login is not None:
        lines.append(f"Proxy-Authorization: Basic {_basic(login)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _basic(login: Login) -> str:
    if ":" in login.user:
        raise InputError("a user name with a colon cannot log in at an HTTP proxy (RFC 7617)", phase="options")
    password = login.password.reveal() if login.password else ""
    return base64.b64encode(f"{login.user}:{password}".encode()).decode("ascii")


def _head(say: bytes) -> Generator[Ask, bytes, bytes]:
    head = bytearray((yield Ask(say, 1)))
    while not head.endswith(_END):
        if len(head) >= MOST:
            raise broken(f"its head is longer than {MOST} octets")
        head += yield Ask(b"", 1)
    return bytes(head[: -len(_END)])


def _status(head: bytes) -> tuple[int, bytes]:
    first, *fields = head.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None:
        raise broken("this is no reply of HTTP")
    if not all(_FIELD.fullmatch(field) for field in fields):
        raise broken("its head has a line that is no field")
    return int(match[1]), match[2] or b""


def _wants_login(head: bytes, login: Login | None) -> ProxyError:
    """It is not asked a second time, whatever it says."""
    schemes = sorted({match[1].decode("ascii").capitalize() for match in _CHALLENGE.finditer(head)})
    if schemes and "Basic" not in schemes:
        return turned_away(f"it wants a login by {' or '.join(schemes)}, which we do not have for proxies")
    return turned_away("it refused user and password" if login else "it wants user and password")
