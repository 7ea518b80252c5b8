"""Any octets are netstrings or ProtocolError, the same in one piece or in two, and written again as they were read."""

from __future__ import annotations

from mailward.errors import ProtocolError
from mailward.integrations.netstring import LONGEST, NetstringReader, netstring

SEEDS = [b"14:bans 192.0.2.7,0:,", b"3:abc,2:", b"01:a,", b"1:a;", b"99999:", b"-1:", b":,"]


def target(data: bytes) -> None:
    whole, broken = _read([data])
    cut = len(data) // 2
    if _read([data[:cut], data[cut:]]) != (whole, broken):
        raise AssertionError(data)
    if not data.startswith(b"".join(map(netstring, whole))) or any(len(each) > LONGEST for each in whole):
        raise AssertionError(whole)


def _read(parts: list[bytes]) -> tuple[list[bytes], bool]:
    reader = NetstringReader()
    found: list[bytes] = []
    try:
        for part in parts:
            found.extend(reader.feed(part))
    except ProtocolError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from error
        return found, True
    return found, False
