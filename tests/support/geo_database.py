"""A tiny writer of the MaxMind DB format 2.0, from its specification: a tree of 24-bit records and its data."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

_MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = bytes(16)
_MAP, _TEXT, _ARRAY, _SMALL, _WIDE, _LONG = 7, 2, 11, 5, 6, 9


def write_database(path: Path, records: Mapping[str, object], *, kind: str, aliases: bool = True) -> Path:
    """`records`: network to record, the wider networks first. `aliases`: 6to4 leads to the IPv4 tree."""
    nodes: list[list[int | None]] = [[None, None]]  # a negative number: the place in the data section, less one
    data = b""
    for network, record in records.items():
        _insert(nodes, _bits(network), -len(data) - 1)
        data += encoded(record)
    if aliases:
        _insert(nodes, _bits("2002::/16"), _node_of(nodes, "0" * 96))
    tree = b"".join(_octets(record, len(nodes)) for node in nodes for record in node)
    about = {
        "node_count": len(nodes),
        "record_size": _number(_SMALL, 24),
        "ip_version": _number(_SMALL, 6),
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": _number(_SMALL, 2),
        "binary_format_minor_version": _number(_SMALL, 0),
        "build_epoch": _number(_LONG, 1_700_000_000),
        "description": {"en": "made for a test"},
    }
    path.write_bytes(tree + _SEPARATOR + data + _MARKER + encoded(about))
    return path


def encoded(value: object) -> bytes:
    """A value of the data section."""
    if isinstance(value, dict):
        return _control(_MAP, len(value)) + b"".join(encoded(key) + encoded(item) for key, item in value.items())
    if isinstance(value, list):
        return _control(_ARRAY, len(value)) + b"".join(map(encoded, value))
    if isinstance(value, str):
        return _control(_TEXT, len(value.encode())) + value.encode()
    if isinstance(value, int):
        return _number(_WIDE, value)
    assert isinstance(value, bytes)  # encoded already
    return value


def _number(kind: int, value: int) -> bytes:
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(kind, len(octets)) + octets


def _control(kind: int, size: int) -> bytes:
    assert size < 29 + 256
    head, more = (size, b"") if size < 29 else (29, bytes((size - 29,)))
    return (bytes((head, kind - 7)) if kind > 7 else bytes((kind << 5 | head,))) + more


def _bits(network: str) -> str:
    found = ipaddress.ip_network(network)
    width, before = (32, "0" * 96) if found.version == 4 else (128, "")
    return before + f"{int(found.network_address):0{width}b}"[: found.prefixlen]


def _insert(nodes: list[list[int | None]], bits: str, leads_to: int) -> None:
    at = 0
    for bit in map(int, bits[:-1]):
        onward = nodes[at][bit]
        if onward is None or onward < 0:  # a narrower network splits what was there
            nodes.append([onward, onward])
            onward = nodes[at][bit] = len(nodes) - 1
        at = onward
    nodes[at][int(bits[-1])] = leads_to


def _node_of(nodes: list[list[int | None]], bits: str) -> int:
    at = 0
    for bit in map(int, bits):
        onward = nodes[at][bit]
        assert onward is not None
        at = onward
    return at


def _octets(record: int | None, count: int) -> bytes:
    if record is None:
        return count.to_bytes(3, "big")
    return (record if record >= 0 else count + len(_SEPARATOR) - record - 1).to_bytes(3, "big")
