"""What every way through a proxy shares: the exchange without I/O, the destination, and how a refusal is told."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from mailward.errors import InputError, ProxyError
from mailward.printable import printable
from mailward.secret import Secret

UNREACHED: Final = "connect"  # phase of an error: the proxy is fine, and could not reach the destination
AT_PROXY: Final = "proxy"  # phase of an error: the proxy turned us away, or broke its protocol

_NAME = re.compile(r"[A-Za-z0-9_\-](?:[A-Za-z0-9_.\-]{0,253}[A-Za-z0-9_\-])?")


@dataclass(frozen=True, slots=True)
class Ask:
    """Says `say` (whose repr is hidden: passwords are in it), then hears exactly `need` octets."""

    say: bytes
    need: int

    def __repr__(self) -> str:
        return f"Ask(…, need={self.need})"


# Yields what to say and how much to hear, is sent that many octets, and returns once the way is open.
Exchange: TypeAlias = Generator[Ask, bytes, None]


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a proxy."""

    user: str
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a proxy shall connect us: `ip` for an address, else a name that the proxy looks up."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535 or (("%" in self.host or self.ip is None) and not _NAME.fullmatch(self.host)):
            raise InputError(
                f"{printable(self.host, 80)!r} port {self.port} is nowhere a proxy can connect to",
                phase="options",
                advice="behind a proxy the server is a host name in ASCII, or an IP address without a zone",
            )

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


def broken(what: str) -> ProxyError:
    """The proxy does not speak its protocol."""
    return ProxyError(
        f"the proxy broke its protocol: {what}",
        phase=AT_PROXY,
        advice="check the scheme and the port of proxy=",
        retryable=False,
    )


def turned_away(why: str, advice: str = "check user and password in proxy=") -> ProxyError:
    """The proxy does not serve us; trying again changes nothing."""
    return ProxyError(f"the proxy turned us away: {why}", phase=AT_PROXY, advice=advice, retryable=False)


def unreached(destination: Destination, why: str, *, retryable: bool = True) -> ProxyError:
    """The proxy serves us, and did not connect us."""
    return ProxyError(
        f"the proxy did not connect to {destination}: {why}",
        phase=UNREACHED,
        advice="check that the proxy may connect to this host and port, and that the server runs",
        retryable=retryable,
    )
