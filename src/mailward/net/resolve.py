"""Host names to addresses, without letting a slow resolver outlive a deadline.

The C library's resolver cannot be interrupted, so a name is looked up in a daemon thread that is abandoned when
time is up. There are only so many of them. An address literal needs none.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from mailward.errors import DnsError
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

Sockaddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: the socket family, the IP as text, and the address to give to `connect`."""

    family: int
    ip: str
    sockaddr: Sockaddr

    @property
    def version(self) -> int:
        return 6 if self.family == socket.AF_INET6 else 4

    def at(self, port: int) -> Address:
        if len(self.sockaddr) == 2:
            return replace(self, sockaddr=(self.sockaddr[0], port))
        host, _, flow, scope = self.sockaddr
        return replace(self, sockaddr=(host, port, flow, scope))


Answer = tuple[Address, ...] | DnsError


def literal(host: str, port: int) -> tuple[Address, ...] | None:
    """The address of an IP literal; None for a name."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if ip.version == 4:
        return (Address(socket.AF_INET, host, (host, port)),)
    return _lookup(host, port, socket.AI_NUMERICHOST)  # only the C library knows the number of a scope


def numbered(host: str, texts: object, port: int) -> Answer:
    """The addresses that resolve= gave for `host`, or the error if they are none."""
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        return _misled(host, "something that is not a list of IP addresses")
    found: list[Address] = []
    for text in texts:
        addresses = literal(text, port) if isinstance(text, str) else None
        if addresses is None:
            return _misled(host, f"{printable(str(text), 80)!r}, which is not an IP address")
        found += addresses
    return tuple(found) or _misled(host, "no address")


def ip_and_port(name: object) -> tuple[str, int]:
    """Of a socket's name or its peer's; ("", 0) if that is a path, or gone."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)


class Lookups:
    """Daemon threads that look names up, `most` at once, and none while there is nothing to do."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def begin(self, host: str, port: int, deliver: Callable[[Answer], None]) -> None:
        """Calls `deliver` in one of them with the addresses or the error, once it is the turn of `host`."""
        with self._lock:
            self._waiting.append((host, port, deliver))
            if self._threads >= self._most:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="mailward-resolve", daemon=True).start()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, int, Callable[[Answer], None]]] = deque(maxlen=4096)  # the oldest gave up
        self._threads = 0

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                host, port, deliver = self._waiting.popleft()
            try:
                answer: Answer = _lookup(host, port, 0)
            except DnsError as error:
                answer = error
            deliver(answer)


_LOOKUPS = Lookups()


def look_up(host: str, port: int, deliver: Callable[[Answer], None]) -> None:
    """Resolves `host` in a daemon thread and calls `deliver` there with the addresses or the error."""
    _LOOKUPS.begin(host, port, deliver)


def _lookup(host: str, port: int, flags: int) -> tuple[Address, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise DnsError(
            f"{printable(host)} does not resolve: {printable(reason)}",
            phase="connect",
            advice="check the spelling of the host name and this machine's DNS",
        ) from exc
    addresses: dict[str, Address] = {}
    for family, _, _, _, sockaddr in found:
        ip = str(sockaddr[0])
        if len(sockaddr) == 4:
            addresses.setdefault(ip, Address(family, ip, (ip, port, sockaddr[2], sockaddr[3])))
        elif family == socket.AF_INET:
            addresses.setdefault(ip, Address(family, ip, (ip, port)))
    return tuple(addresses.values())


def _misled(host: str, answer: str) -> DnsError:
    return DnsError(
        f"{printable(host)} does not resolve: resolve= gave {answer}",
        phase="connect",
        advice="let resolve= give the IP addresses of the host as texts, in a list",
    )
