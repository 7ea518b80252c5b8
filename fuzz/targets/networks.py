"""Any text is a network, or an address, or InputError; what is in it is what the standard library says is in it."""

from __future__ import annotations

import ipaddress

from mailward.errors import InputError
from mailward.guard.allowlist import Networks
from mailward.guard.source import canonical_source, ring

SEEDS = [
    b"192.0.2.0/24",
    b"192.0.2.1/24",
    b"2001:db8::/32",
    b"::ffff:192.0.2.0/120",
    b"fe80::1%eth0",
    b"0.0.0.0/0",
    b"1.2",
]


def target(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        networks = Networks.parse([text])
    except InputError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from None
    else:
        first = ipaddress.ip_network(text.strip(), strict=False)[0]
        if canonical_source(str(first)) not in networks:
            raise AssertionError((text, first))
    try:
        ring(canonical_source(text))
    except InputError:
        return
