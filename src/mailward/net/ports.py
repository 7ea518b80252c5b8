"""What a conversation needs of the world, so that it can be written once for both drivers.

Every wait takes `within`: the seconds it may last, None for no limit. Flows count with `now()` and pass what is
left of their deadline; a driver never adds a limit of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from mailward.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")


class Stream(Protocol):
    """A connected byte stream. `peername` and `sockname` are IP addresses, without the port."""

    peername: str
    sockname: str

    async def read(self, limit: int, *, within: float | None) -> bytes:
        """Between 1 and `limit` octets, or b"" once the peer has closed."""
        ...

    async def take(self) -> bytes | None:
        """What has arrived and was not read; None if that is nothing, b"" once the peer has closed. Never waits."""
        ...

    async def write(self, data: bytes, *, within: float | None) -> None:
        """Returns when the kernel has every octet. If it raises, the last octet has not left and never will."""
        ...

    async def close(self) -> None:
        """Ends the connection in order. Never raises for what the peer did."""
        ...

    def abort(self) -> None:
        """Ends the connection at once; what was not sent is dropped. May be called again."""
        ...


class Ports(Protocol):
    """The world of a flow: connections, clock, chance and processor time."""

    async def connect(self, host: str, port: int, *, within: float | None, local_address: str | None = None) -> Stream:
        """Tries each address of `host` in the resolver's order, sharing `within` among them.

        Raises DnsError, ConnectError (naming each address and its reason) or DeadlineExceeded.
        """
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def utc(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def nonce(self) -> str:
        """A fresh unguessable printable text without commas (RFC 5802 §5.1)."""
        ...

    async def compute(self, work: Callable[[], T]) -> T:
        """Runs `work`, which keeps a processor busy, without stopping others that share the driver."""
        ...


def too_late(doing: str) -> DeadlineExceeded:
    """The one wording of a deadline that passed while `doing` something."""
    return DeadlineExceeded(
        f"the time allowed ended while {doing}",
        advice="check that the server answers at all, or allow more with timeout=",
    )
