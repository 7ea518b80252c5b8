"""The header by which a proxy names its client, before anything else is said (haproxy's PROXY protocol 1 and 2).

Read strictly: a sender that is trusted with addresses has no excuse for a header that is almost right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final

from mailward.errors import InputError, ProtocolError
from mailward.printable import printable

V1_LIMIT: Final = 107  # octets with CRLF: the longest line the specification knows
V2_LIMIT: Final = 4096  # octets after the first 16; the specification promises 536, TLVs with certificates take more
SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
PREFIX: Final = b"PROXY "

_FIXED = 16
_LOCAL, _PROXIED = 0x20, 0x21  # version 2, and the command
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_ADDRESS_OCTETS = {_TCP4: 4, _TCP6: 16}
_CRC32C = 0x03
_LINE = re.compile(
    rb"PROXY (TCP[46]) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*+)?")
_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address as it was said, and a port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """`client` and `server`: the ends of the client's own connection; None where the proxy speaks for itself, or does
    not know. `size`: octets of the header; what follows is the client's.
    """

    client: Endpoint | None
    server: Endpoint | None
    size: int


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header that `data` begins with; None while more octets are needed. Raises ProtocolError for anything else."""
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _read_v2(data)
    if data[: len(PREFIX)] == PREFIX[: len(data)]:
        return _read_v1(data)
    raise _broken("it begins with something else", data)


def write_proxy_header(client: Endpoint | None, server: Endpoint | None, *, version: int) -> bytes:
    """For a proxy that names its client; None on either side says that it speaks for itself. Raises InputError."""
    if client is None or server is None:
        return b"PROXY UNKNOWN\r\n" if version == 1 else SIGNATURE + bytes((_LOCAL, _UNSPECIFIED, 0, 0))
    ips = [ip_address(end.address) for end in (client, server)]
    if ips[0].version != ips[1].version:
        raise InputError("a PROXY header needs both addresses of one family: IPv4, or IPv6", phase="options")
    if version == 1:
        ends = f"{ips[0]} {ips[1]} {client.port} {server.port}"
        return f"PROXY TCP{ips[0].version} {ends}\r\n".encode("ascii")
    ports = b"".join(end.port.to_bytes(2, "big") for end in (client, server))
    body = ips[0].packed + ips[1].packed + ports
    family = _TCP4 if ips[0].version == 4 else _TCP6
    return SIGNATURE + bytes((_PROXIED, family)) + len(body).to_bytes(2, "big") + body


def begins_proxy_header(data: bytes) -> bool:
    """Whether these octets are the beginning of a header, whatever becomes of it."""
    return data.startswith((SIGNATURE, PREFIX))


def _read_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, V1_LIMIT)
    if end < 0:
        if len(data) >= V1_LIMIT:
            raise _broken(f"its line is longer than {V1_LIMIT} octets", data)
        return None
    line = data[: end - 1]
    if data[end - 1 : end] != b"\r":
        raise _broken("its line ends with a bare LF", data)
    if _UNKNOWN.fullmatch(line):
        return ProxyHeader(None, None, end + 1)
    match = _LINE.fullmatch(line)
    if match is None or max(int(match[4]), int(match[5])) > _MOST_PORT:
        raise _broken("its line is malformed", line)
    read: Callable[[str], IPv4Address | IPv6Address] = IPv4Address if match[1] == b"TCP4" else IPv6Address
    client, server = (_said(read, match[number].decode("ascii")) for number in (2, 3))
    return ProxyHeader(Endpoint(client, int(match[4])), Endpoint(server, int(match[5])), end + 1)


def _said(read: Callable[[str], IPv4Address | IPv6Address], text: str) -> str:
    try:
        return str(read(text))
    except AddressValueError:
        raise _broken("it holds an address of another family, or none", text.encode()) from None


def _read_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED:
        return None
    command, family = data[12], data[13]
    size = _FIXED + int.from_bytes(data[14:_FIXED], "big")
    if command not in (_LOCAL, _PROXIED):
        raise _broken(f"version and command are {command:#04x}")
    if size > _FIXED + V2_LIMIT:
        raise _broken(f"it is longer than {V2_LIMIT} octets")
    if command == _PROXIED and family not in (_UNSPECIFIED, *_ADDRESS_OCTETS):
        raise _broken(f"address family and transport are {family:#04x}, not TCP")
    if len(data) < size:
        return None
    if command == _LOCAL or family == _UNSPECIFIED:
        return ProxyHeader(None, None, size)  # the rest has no meaning then, and must be skipped
    return _addresses(data[:size], _ADDRESS_OCTETS[family])


def _addresses(header: bytes, octets: int) -> ProxyHeader:
    ports = _FIXED + 2 * octets
    if len(header) < ports + 4:
        raise _broken("its addresses are cut short")
    _check_values(header, ports + 4)
    read = IPv4Address if octets == 4 else IPv6Address
    client, server = (str(read(header[at : at + octets])) for at in (_FIXED, _FIXED + octets))
    client_port, server_port = (int.from_bytes(header[at : at + 2], "big") for at in (ports, ports + 2))
    return ProxyHeader(Endpoint(client, client_port), Endpoint(server, server_port), len(header))


def _check_values(header: bytes, start: int) -> None:
    """The type-length-value triples must fill the header exactly, and a checksum among them must be right."""
    checksums = [(at, value) for kind, at, value in _values(header, start) if kind == _CRC32C]
    if not checksums:
        return
    at, value = checksums[0]
    without = header[:at] + bytes(4) + header[at + 4 :]
    if len(checksums) > 1 or len(value) != 4 or int.from_bytes(value, "big") != crc32c(without):
        raise _broken("its checksum is wrong")


def _values(header: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Kind, place and octets of each value."""
    while at < len(header):
        length = int.from_bytes(header[at + 1 : at + 3], "big")
        end = at + 3 + length
        if at + 3 > len(header) or end > len(header):
            raise _broken("a value in it is cut short")
        yield header[at], at + 3, header[at + 3 : end]
        at = end


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        register = octet
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
        table.append(register)
    return tuple(table)


_CRC_TABLE: Final = _table()


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum (RFC 3309, appendix B)."""
    register = 0xFFFFFFFF
    for octet in data:
        register = register >> 8 ^ _CRC_TABLE[(register ^ octet) & 0xFF]
    return register ^ 0xFFFFFFFF


def _broken(what: str, seen: bytes = b"") -> ProtocolError:
    told = f"not a PROXY header: {what}" + (f": {printable(seen, 120)}" if seen else "")
    advice = "let the proxy send the PROXY protocol, version 1 or 2, or take it out of this listener's proxy networks"
    return ProtocolError(told, phase="connect", advice=advice)
