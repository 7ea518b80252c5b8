"""Headers of the PROXY protocol as a proxy writes them, from the specification and by no code of ours."""

from __future__ import annotations

from ipaddress import ip_address

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


def v1(client: str, server: str, client_port: int, server_port: int) -> bytes:
    """Version 1: one line of text."""
    family = "TCP4" if ip_address(client).version == 4 else "TCP6"
    return f"PROXY {family} {client} {server} {client_port} {server_port}\r\n".encode()


def v2(client: str, server: str, client_port: int, server_port: int, *, values: bytes = b"") -> bytes:
    """Version 2: TCP, command PROXY."""
    family = b"\x11" if ip_address(client).version == 4 else b"\x21"
    body = ip_address(client).packed + ip_address(server).packed
    body += client_port.to_bytes(2, "big") + server_port.to_bytes(2, "big") + values
    return SIGNATURE + b"\x21" + family + len(body).to_bytes(2, "big") + body


def value(kind: int, octets: bytes) -> bytes:
    """A type-length-value triple of version 2."""
    return bytes((kind,)) + len(octets).to_bytes(2, "big") + octets


def checksummed(client: str, server: str, client_port: int, server_port: int) -> bytes:
    """Version 2 with PP2_TYPE_CRC32C last but one."""
    end = value(0x04, b"")
    header = v2(client, server, client_port, server_port, values=value(0x03, bytes(4)) + end)
    at = len(header) - len(end) - 4
    return header[:at] + _crc32c(header).to_bytes(4, "big") + header[at + 4 :]


def _crc32c(data: bytes) -> int:
    """Bit by bit, with the polynomial as RFC 3720 writes it."""
    register = 0xFFFFFFFF
    for octet in data:
        for bit in range(8):
            carry = (register ^ octet >> bit) & 1
            register = register >> 1 ^ (0x82F63B78 * carry)
    return register ^ 0xFFFFFFFF
