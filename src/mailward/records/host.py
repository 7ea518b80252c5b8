"""Host names as they may stand in a record and in a certificate (RFC 952, RFC 1123, RFC 5890)."""

from __future__ import annotations

import re
from typing import Final

MOST_OCTETS: Final = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?>(?:{_LABEL}\.)*){_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_host(name: str) -> bool:
    """Whether `name`, in lower case and without a final dot, names a host; an IP address does not."""
    return (
        len(name) <= MOST_OCTETS
        and _HOST.fullmatch(name) is not None
        and _NUMBER.fullmatch(name.rpartition(".")[2]) is None
    )
