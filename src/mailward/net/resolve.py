"""Host names to addresses, without letting a slow resolver outlive a deadline.

The C library's resolver cannot be interrupted, so a name is looked up in a daemon thread that is abandoned when
time is up. An address literal needs no thread.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailward.errors import DnsError
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: the socket family, the IP as text, and the address to give to `connect`."""

    family: int
    ip: str
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


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


def look_up(host: str, port: int, deliver: Callable[[Answer], None]) -> None:
    """Resolves `host` in a daemon thread and calls `deliver` there with the addresses or the error."""

    def work() -> None:
        try:
            answer: Answer = _lookup(host, port, 0)
        except DnsError as error:
            answer = error
        deliver(answer)

    threading.Thread(target=work, name="mailward-resolve", daemon=True).start()


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
