"""Proxies between us and the server, one or a chain: SOCKS 4, 4a and 5, HTTP and HTTPS (RFC 1928, RFC 9110 §9.3.6).

    socks5://ann:secret@proxy.example:1080    socks4a://proxy.example    http://proxy.example:3128    https://…

Names are looked up by the proxy, so that nobody here learns where mail goes; only SOCKS 4 needs an address, which is
then looked up here, and resolve= is asked wherever it is given. Only `proxy="env"` looks at the environment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.client.authorities import Ca, trusting
from mailward.client.url import checked_scheme, parse_authority
from mailward.errors import InputError, InvalidUrl
from mailward.wire.http_connect import http_connect
from mailward.wire.socks import socks4, socks5
from mailward.wire.tunnel import Destination, Exchange, Login

if TYPE_CHECKING:
    import ssl

_WAYS: Final[Mapping[str, Callable[[Destination, Login | None], Exchange]]] = {
    "socks4": socks4,
    "socks4a": socks4,
    "socks5": socks5,
    "socks5h": socks5,
    "http": http_connect,
    "https": http_connect,
}
_PORTS: Final = {"http": 80, "https": 443}
_SOCKS_PORT: Final = 1080
_MOST: Final = 8  # proxies in a chain
_ANYWHERE: Final = Destination("proxy.invalid", 25)
_VARIABLES: Final = ("all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY")


class Proxy:
    """One proxy by its URL. `ca`: who signs the certificate of an https: proxy, the system's authorities by default."""

    def __init__(self, url: str, *, ca: Ca | None = None) -> None:
        self.scheme, self.host, self.port, self.login = _parsed(url)
        if ca is not None and self.scheme != "https":
            raise InputError("ca= is for the certificate of an https: proxy", phase="options")
        self._ca = ca
        self._context = None if ca is None else trusting(ca)

    @property
    def context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = trusting(self._ca)
        return self._context

    def way(self, destination: Destination) -> Exchange:
        """What is said to this proxy so that it connects us."""
        return _WAYS[self.scheme](destination, self.login)

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({str(self)!r})"


ProxyValue: TypeAlias = str | Proxy | Sequence[str | Proxy]


class Proxies:
    """`chain`: the first is the one we connect to. `direct`: hosts that are reached without them (NO_PROXY)."""

    def __init__(self, chain: Sequence[Proxy], *, direct: Sequence[str] = ()) -> None:
        self.chain = tuple(chain)
        self._direct = tuple(direct)

    @classmethod
    def of(cls, value: ProxyValue | Proxies | None, *, environment: Mapping[str, str]) -> Proxies | None:
        """None for no proxy. Raises InputError, which never repeats a part of a URL that may be a password."""
        if value is None or isinstance(value, Proxies):
            return value
        if value == "env":
            return cls._of_environment(environment)
        each = (value,) if isinstance(value, str | Proxy) else tuple(value) if isinstance(value, list | tuple) else ()
        if not 0 < len(each) <= _MOST or not all(isinstance(one, str | Proxy) for one in each):
            raise InputError(
                f'proxy= must be a URL, a mailward.Proxy, a list of 1 to {_MOST} of them, or "env"', phase="options"
            )
        return cls([one if isinstance(one, Proxy) else Proxy(one) for one in each])

    @classmethod
    def _of_environment(cls, environment: Mapping[str, str]) -> Proxies | None:
        url = next((environment[name] for name in _VARIABLES if environment.get(name)), None)
        if url is None:
            return None
        direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        chain = [Proxy(url if "://" in url else f"http://{url}")]
        return cls(chain, direct=[entry.strip().lower() for entry in direct.split(",") if entry.strip()])

    def serve(self, host: str) -> bool:
        """Whether the way to `host` goes through them."""
        return not any(_is_meant(entry, host.lower()) for entry in self._direct)

    def __repr__(self) -> str:
        return f"Proxies({list(self.chain)})"


def _is_meant(entry: str, host: str) -> bool:
    """NO_PROXY as curl reads it: *, a name and all below it, an address or a network."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name = entry.removeprefix(".")
        return host == name or host.endswith(f".{name}")


def _parsed(url: object) -> tuple[str, str, int, Login | None]:
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        raise InvalidUrl("a proxy is given by its URL, without spaces or control characters", phase="options")
    scheme, mark, rest = url.partition("://")
    if not mark:
        raise InvalidUrl(
            "a proxy's URL begins with its scheme", phase="options", advice=f"it is one of {', '.join(_WAYS)}"
        )
    scheme = checked_scheme(scheme, tuple(_WAYS))
    authority, _, path = rest.partition("/")
    if path or "?" in rest or "#" in rest:
        raise InvalidUrl(
            "a proxy's URL has no path, query or fragment",
            phase="options",
            advice="percent-encode : / ? # [ ] @ and % in user name and password",
        )
    said = parse_authority(authority)
    login = None if said.user is None else Login(said.user, said.password)
    _check_login(scheme, login)
    return scheme, said.host, said.port or _PORTS.get(scheme, _SOCKS_PORT), login


def _check_login(scheme: str, login: Login | None) -> None:
    """Once, before anything is connected: what this kind of proxy cannot be told."""
    problem: InputError | None = None
    try:
        next(_WAYS[scheme](_ANYWHERE, login))
    except InputError as error:
        problem = error
    if problem is not None:  # anew: the frames of the other one hold the password
        raise InvalidUrl(problem.message, phase="options", advice=problem.advice)
