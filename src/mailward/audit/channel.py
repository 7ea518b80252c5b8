"""How a port wants to be secured, when nobody said so: who speaks first (RFC 8314 §3.3, RFC 3207 §4).

With STARTTLS the server greets; with implicit TLS it waits for our ClientHello. Never an answer of "not at all".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.client.tls_mode import TlsMode
from mailward.errors import ConnectionLost, DeadlineExceeded
from mailward.net.local_address import LocalAddress

if TYPE_CHECKING:
    from mailward.net.ports import Ports

_WELL_KNOWN = {25: TlsMode.STARTTLS, 465: TlsMode.IMPLICIT, 587: TlsMode.STARTTLS}
_GREETING_TIME = 1.5  # seconds
_CONNECT_TIME = 30.0


async def mode_of(host: str, port: int, ports: Ports, *, local_address: str | None = None) -> TlsMode:
    """Looks, by one connection on which nothing is said, at ports other than 25, 465 and 587. Raises ConnectError."""
    if port in _WELL_KNOWN:
        return _WELL_KNOWN[port]
    source = LocalAddress.of(local_address)
    stream = await ports.connect(host, port, within=_CONNECT_TIME, local_address=source)
    try:
        greeting = await stream.read(1, within=_GREETING_TIME)
    except (DeadlineExceeded, ConnectionLost):
        greeting = b""
    finally:
        stream.abort()
    return TlsMode.STARTTLS if greeting else TlsMode.IMPLICIT
