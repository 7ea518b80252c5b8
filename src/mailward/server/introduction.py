"""Waiting for the header by which a trusted proxy names its client (haproxy's PROXY protocol)."""

from __future__ import annotations

from typing import Final

from mailward.errors import ProtocolError
from mailward.wire.proxy import ProxyHeader, begins_proxy_header, read_proxy_header

PATIENCE: Final = 5.0  # seconds for the header to be there


class Introduction:
    """`hear` each piece until it gives the header and what the client itself said already."""

    def __init__(self) -> None:
        self._heard = b""

    def hear(self, data: bytes) -> tuple[ProxyHeader, bytes] | None:
        """None while more is needed. Raises ProtocolError for what is no header, and for a second one."""
        self._heard += data
        header = read_proxy_header(self._heard)
        if header is None:
            return None
        rest = self._heard[header.size :]
        if begins_proxy_header(rest):
            raise ProtocolError("a second PROXY header follows the first", phase="connect")
        return header, rest
