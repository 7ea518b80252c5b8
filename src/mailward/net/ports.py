"""What a conversation needs of the world, so that it can be written once for both drivers.

Every wait takes `within`: the seconds it may last, None for no limit. Flows count with `now()` and pass what is
left of their deadline; a driver never adds a limit of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from mailward.errors import DeadlineExceeded

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from mailward.net.local_address import LocalAddress
    from mailward.net.query import Dns
    from mailward.records.answer import DnsAnswer

T = TypeVar("T")

# The IP addresses of a host, the best first. It is called in the flow, so that it must be quick, or asynchronous (which
# only AsyncClient can use).
Resolve: TypeAlias = Callable[[str, int], Sequence[str] | Awaitable[Sequence[str]]]


class Stream(Protocol):
    """A connected byte stream. `peername` and `sockname` are IP addresses, without the port; "" on a Unix socket.

    The ports are 0 there.
    """

    peername: str
    sockname: str
    peerport: int
    sockport: int

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
    """The world of a flow: connections, clock, chance, processor time, and turns."""

    async def connect(
        self,
        host: str,
        port: int,
        *,
        within: float | None,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> Stream:
        """Whichever address of `host` answers first, each a quarter of a second after the one before it (RFC 8305).

        Raises DnsError, ConnectError (naming each address and its reason) or DeadlineExceeded.
        """
        ...

    async def race(
        self,
        places: Sequence[tuple[str, int]],
        *,
        within: float | None,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> tuple[int, Stream]:
        """As `connect`, between hosts and ports of which the first has a head start. Gives which one it was, too."""
        ...

    async def connect_unix(self, path: str, *, within: float | None) -> Stream:
        """To the Unix socket at `path`. Raises ConnectError or DeadlineExceeded."""
        ...

    async def query(self, name: str, kind: str, *, within: float | None, dns: Dns | None = None) -> DnsAnswer:
        """What the DNS says: MX, TXT, TLSA, SRV, CNAME, A or AAAA. `dns`: whom to ask, this machine's by default.

        Raises DnsError, to be tried later, when nobody answers; that nothing is there is an answer.
        """
        ...

    async def lookup(self, host: str, *, within: float | None, resolve: Resolve | None = None) -> tuple[str, ...]:
        """The IP addresses of `host`, the best first. Raises DnsError or DeadlineExceeded."""
        ...

    def exclusively(self, key: object, *, within: float | None = None) -> AbstractAsyncContextManager[None]:
        """One holder of `key` at a time: among the tasks of this loop, or among the threads of this process.

        `key` is hashable. Raises DeadlineExceeded if the turn does not come `within`.
        """
        ...

    async def sleep(self, seconds: float) -> None: ...

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
