"""Any octets are a PROXY header, the beginning of one, or ProtocolError; cut shorter, a header waits for more."""

from __future__ import annotations

import ipaddress

from mailward.errors import ProtocolError
from mailward.wire.proxy import SIGNATURE, V1_LIMIT, V2_LIMIT, read_proxy_header

_FOUR = bytes((192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 4, 0, 25))
SEEDS = [
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\nEHLO x\r\n",
    b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n",
    b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
    SIGNATURE + b"\x21\x11\0\x0c" + _FOUR,
    SIGNATURE + b"\x21\x11\0\x13" + _FOUR + b"\x03\0\x04abcd",
    SIGNATURE + b"\x21\x21\0\x24" + _FOUR * 3,
    SIGNATURE + b"\x20\x00\0\0QUIT\r\n",
    SIGNATURE + b"\x21\x12\0\0",
    SIGNATURE + b"\x21\x11\xff\xff",
]


def target(data: bytes) -> None:
    try:
        header = read_proxy_header(data)
    except ProtocolError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from None
        return
    if header is None:
        if len(data) >= max(V1_LIMIT, V2_LIMIT + 16):
            raise AssertionError(len(data))
        return
    for end in (header.client, header.server):
        if end is not None:
            ipaddress.ip_address(end.address)
    if not 0 < header.size <= len(data) or read_proxy_header(data[: header.size - 1]) is not None:
        raise AssertionError(header)
    if read_proxy_header(data[: header.size]) != header:
        raise AssertionError(header)
