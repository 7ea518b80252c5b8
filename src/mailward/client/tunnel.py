"""The way through a chain of proxies: each is asked for the next one, the last for the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.errors import (
    CertificateError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    DnsError,
    MailwardError,
    ProxyError,
    TlsError,
)
from mailward.net.ports import too_late
from mailward.net.tls_stream import TlsStream
from mailward.wire.tls import TlsLayer
from mailward.wire.tunnel import AT_PROXY, Destination

if TYPE_CHECKING:
    from mailward.client.proxies import Proxies, Proxy
    from mailward.net.local_address import LocalAddress
    from mailward.net.ports import Ports, Resolve, Stream
    from mailward.wire.tunnel import Exchange


class Tunnel:
    """One try to reach a server through `proxies`, over by `until`."""

    def __init__(
        self,
        proxies: Proxies,
        ports: Ports,
        *,
        until: float,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._chain = proxies.chain
        self._ports = ports
        self._until = until
        self._local_address = local_address
        self._resolve = resolve

    async def reach(self, host: str, port: int, *, server_first: bool) -> Stream:
        """`server_first`: the server greets, so that octets may be here before we speak.

        Raises ProxyError (phase "connect" if the last proxy is fine and could not reach the server), TlsError,
        DnsError, DeadlineExceeded.
        """
        nexts = [Destination(proxy.host, proxy.port) for proxy in self._chain[1:]]
        nexts.append(Destination(await self._named(host, self._chain[-1]), port))
        stream = await self._first()
        try:
            for proxy, destination in zip(self._chain, nexts, strict=True):
                if proxy.scheme == "https":
                    stream = await self._secured(stream, proxy)
                await self._asked(stream, proxy, destination)
                if destination is not nexts[-1] or not server_first:
                    await _check_quiet(stream, proxy)
        except BaseException:
            stream.abort()
            raise
        return stream

    async def _named(self, host: str, proxy: Proxy) -> str:
        """The server as the last proxy is told it: its name, unless we must or shall look it up ourselves."""
        if self._resolve is None and proxy.scheme != "socks4":
            return host
        ips = await self._ports.lookup(host, within=self._left("looking up the server"), resolve=self._resolve)
        if proxy.scheme != "socks4":
            return ips[0]
        v4 = [ip for ip in ips if ":" not in ip]
        if not v4:
            raise DnsError(f"{host} has no IPv4 address, and SOCKS 4 knows no other", phase="connect")
        return v4[0]

    async def _first(self) -> Stream:
        proxy = self._chain[0]
        within = self._left(f"connecting to the proxy {proxy}")
        try:
            return await self._ports.connect(
                proxy.host, proxy.port, within=within, local_address=self._local_address, resolve=self._resolve
            )
        except DeadlineExceeded:
            raise
        except ConnectError as error:
            raise ProxyError(
                f"the proxy {proxy} is not to be reached: {error.message}", phase=AT_PROXY, advice="check proxy="
            ) from error

    async def _secured(self, stream: Stream, proxy: Proxy) -> Stream:
        layer = TlsLayer(proxy.context, server_side=False, server_hostname=proxy.host.partition("%")[0])
        secured = TlsStream(stream, layer, clock=self._ports.now)
        try:
            await secured.handshake(within=self._left(f"waiting for the proxy {proxy}"))
        except CertificateError as error:
            advice = "give the authority of its certificate: mailward.Proxy(url, ca=…)"
            raise CertificateError(f"the proxy {proxy}: {error.message}", phase=AT_PROXY, advice=advice) from error
        except TlsError as error:
            raise TlsError(f"the proxy {proxy}: {error.message}", phase=AT_PROXY, advice=_NO_TLS) from error
        except ConnectionLost as error:
            raise ProxyError(f"the proxy {proxy}: {error.message}", phase=AT_PROXY, advice=_NO_TLS) from error
        except DeadlineExceeded:
            raise too_late(f"waiting for TLS with the proxy {proxy}") from None
        return secured

    async def _asked(self, stream: Stream, proxy: Proxy, destination: Destination) -> None:
        problem: MailwardError | None = None
        try:
            await self._exchange(stream, proxy.way(destination))
        except ProxyError as error:
            problem = ProxyError(
                error.message.replace("the proxy", f"the proxy {proxy}", 1),
                phase=error.phase,
                advice=error.advice,
                retryable=error.retryable,
            )
        except ConnectionLost:
            problem = ProxyError(f"the proxy {proxy} closed the connection", phase=AT_PROXY, advice="check proxy=")
        except DeadlineExceeded:
            problem = too_late(f"waiting for the proxy {proxy}")
        if problem is not None:  # anew: the frames of the other one hold what was said, passwords too
            raise problem

    async def _exchange(self, stream: Stream, exchange: Exchange) -> None:
        ask = next(exchange)
        while True:
            if ask.say:
                await stream.write(ask.say, within=self._left("speaking to the proxy"))
            heard = b""
            while len(heard) < ask.need:
                data = await stream.read(ask.need - len(heard), within=self._left("waiting for the proxy"))
                if not data:
                    raise ConnectionLost("the proxy closed the connection")
                heard += data
            try:
                ask = exchange.send(heard)
            except StopIteration:
                return

    def _left(self, doing: str) -> float:
        left = self._until - self._ports.now()
        if left <= 0:
            raise too_late(doing)
        return left


_NO_TLS = "an https:// proxy must speak TLS 1.2 or later; one that does not is http://"


async def _check_quiet(stream: Stream, proxy: Proxy) -> None:
    """Before TLS, or the next proxy, it is ours to speak: what is here already nobody can have meant well."""
    data = await stream.take()
    if data is None:
        return
    told = "sent octets before we spoke to the server" if data else "closed the connection"
    raise ProxyError(f"the proxy {proxy} {told}", phase=AT_PROXY, retryable=False)
