"""How a session is secured, and on which port (RFC 8314). No mode falls back to clear text.

| mode | what somebody on the path can do |
|---|---|
| IMPLICIT | end the connection |
| STARTTLS | end the connection; see and change the greeting and the first EHLO, of which nothing is kept |
| INSECURE_PLAINTEXT | read and change everything; the password is safe only with SCRAM |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from mailward.errors import InputError, InvalidUrl
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.url import Target


class TlsMode(Enum):
    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    INSECURE_PLAINTEXT = "insecure-plaintext"

    def __repr__(self) -> str:
        return self.name


INSECURE_PLAINTEXT: Final = TlsMode.INSECURE_PLAINTEXT

_DEFAULT_PORT: Final = {TlsMode.IMPLICIT: 465, TlsMode.STARTTLS: 587, TlsMode.INSECURE_PLAINTEXT: 25}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to reach the server."""

    host: str
    port: int
    mode: TlsMode

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


def endpoints(target: Target, *, port: int | None, tls: str | TlsMode) -> tuple[Endpoint, ...]:
    """The ways to try, in order. More than one only when nothing was said: 465 first, then 587 (RFC 8314 §3.3)."""
    mode = _agreed(_named(tls), _of_url(target))
    port = _agreed_port(port, target.port)
    if mode is not None:
        modes = [mode]
    elif port is None and target.scheme is None:
        modes = [TlsMode.IMPLICIT, TlsMode.STARTTLS]
    else:
        modes = [TlsMode.IMPLICIT if _is_submissions(port) else TlsMode.STARTTLS]
    return tuple(Endpoint(target.host, port or _DEFAULT_PORT[mode], mode) for mode in modes)


def _is_submissions(port: int | None) -> bool:
    """465, and what stands in for it where 465 cannot be had: 1465, 2465 … 9465. Not a port the system picked."""
    return port is not None and port % 1000 == 465 and port < 10_000


def _named(tls: str | TlsMode) -> TlsMode | None:
    if isinstance(tls, TlsMode):
        return tls
    modes = {"auto": None, "implicit": TlsMode.IMPLICIT, "starttls": TlsMode.STARTTLS}
    if tls not in modes:
        raise InputError(
            f"tls={printable(str(tls), 40)!r} is not a way to secure a session",
            advice='it may be "auto", "implicit" or "starttls"; clear text is only tls=mailward.INSECURE_PLAINTEXT',
        )
    return modes[tls]


def _of_url(target: Target) -> TlsMode | None:
    query = None if target.tls in (None, "auto") else TlsMode(target.tls)
    if target.scheme != "smtps":
        return query
    if query not in (None, TlsMode.IMPLICIT):
        raise InvalidUrl("smtps: is TLS from the first octet, which tls= in the same URL denies", advice="use smtp://")
    return TlsMode.IMPLICIT


def _agreed(argument: TlsMode | None, url: TlsMode | None) -> TlsMode | None:
    if argument is not None and url is not None and argument is not url:
        raise InputError(f"tls= says {argument.value} and the URL says {url.value}", advice="say it in one place")
    return argument or url


def _agreed_port(argument: int | None, url: int | None) -> int | None:
    if argument is not None and not 1 <= argument <= 65535:
        raise InputError(f"port {argument} is not from 1 to 65535")
    if argument is not None and url is not None and argument != url:
        raise InputError(f"port= says {argument} and the URL says {url}", advice="say it in one place")
    return argument or url
