"""TLS over any stream, in either role; itself a stream, so that TLS inside TLS needs nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.errors import ConnectionLost, MailwardError, TlsError
from mailward.net.ports import too_late

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailward.net.ports import Stream
    from mailward.wire.tls import TlsLayer

_CHUNK = 65536
_MOST_READS = 64  # in one look at what is here: whoever sends faster than we read must not hold us
_ALERT_TIME = 1.0  # seconds given to tell the peer why we leave


class TlsStream:
    """`stream` with `layer` on it. `clock`: monotonic seconds, as `Ports.now`.

    `opening`: the first octets the peer sent, which tell whether it spoke TLS at all.
    """

    def __init__(self, stream: Stream, layer: TlsLayer, *, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._plain = b""
        self._ended = False
        self.layer = layer
        self.opening = b""
        self.peername = stream.peername
        self.sockname = stream.sockname
        self.peerport = stream.peerport
        self.sockport = stream.sockport

    async def handshake(self, *, within: float | None) -> None:
        """Raises TlsError or CertificateError, ConnectionLost, DeadlineExceeded. The peer gets our alert first."""
        until = None if within is None else self._clock() + within
        try:
            self.layer.start()
            while not self.layer.established:
                await self._flush(self._left(until))
                self._plain += self.layer.receive_data(await self._ciphertext(until))
        except TlsError:
            await self._send_alert()
            raise
        await self._flush(self._left(until))

    async def read(self, limit: int, *, within: float | None) -> bytes:
        until = None if within is None else self._clock() + within
        while not self._plain:
            if self._ended:
                return b""
            data = await self._stream.read(_CHUNK, within=self._left(until))
            self._decrypt(data)
            await self._flush(self._left(until))  # answers to key updates
        return self._taken(limit)

    async def take(self) -> bytes | None:
        try:
            for _ in range(_MOST_READS):
                if self._ended or len(self._plain) > _CHUNK or (data := await self._stream.take()) is None:
                    break
                self._decrypt(data)
        except MailwardError:
            self._ended = True
        if self._plain:
            return self._taken(len(self._plain))
        return b"" if self._ended else None

    async def write(self, data: bytes, *, within: float | None) -> None:
        self.layer.write(data)
        await self._stream.write(self.layer.data_to_send(), within=within)

    async def close(self) -> None:
        self.layer.close()
        await self._send_alert()
        await self._stream.close()

    def abort(self) -> None:
        self._stream.abort()

    async def _ciphertext(self, until: float | None) -> bytes:
        data = await self._stream.read(_CHUNK, within=self._left(until))
        if not data:
            raise ConnectionLost("the server closed the connection during the TLS handshake", phase="tls")
        if len(self.opening) < 8:
            self.opening += data[:8]
        return data

    def _decrypt(self, data: bytes) -> None:
        if not data:
            self._ended = True
            self.layer.receive_eof()
            return
        self._plain += self.layer.receive_data(data)
        self._ended = self.layer.closed

    def _taken(self, limit: int) -> bytes:
        data, self._plain = self._plain[:limit], self._plain[limit:]
        return data

    def _left(self, until: float | None) -> float | None:
        if until is None:
            return None
        left = until - self._clock()
        if left <= 0:
            raise too_late("waiting for TLS")
        return left

    async def _flush(self, within: float | None) -> None:
        if data := self.layer.data_to_send():
            await self._stream.write(data, within=within)

    async def _send_alert(self) -> None:
        try:
            await self._flush(_ALERT_TIME)
        except MailwardError:
            return  # the peer is gone: nobody is left to be told
