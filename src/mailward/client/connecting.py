"""From options to one connection: a race between the ports, a Unix socket, or a tunnel through proxies (RFC 8305).

A race, and a second try through a proxy, choose only which port takes the TCP connection. What happens on it afterwards
is never a reason to try another one, and no port is ever spoken to in clear text because another one failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.client.tls_mode import TlsMode
from mailward.client.tunnel import Tunnel
from mailward.errors import DeadlineExceeded, ProxyError
from mailward.wire.tunnel import UNREACHED

if TYPE_CHECKING:
    from mailward.client.options import ClientOptions
    from mailward.client.proxies import Proxies
    from mailward.client.tls_mode import Endpoint
    from mailward.errors import MailwardError
    from mailward.net.ports import Ports, Stream


async def connect(options: ClientOptions, ports: Ports, *, until: float | None) -> tuple[Endpoint, Stream]:
    """Whichever endpoint took the connection, and the stream on which the server, or TLS, comes next.

    Raises DnsError, ConnectError (naming each address and its reason), ProxyError, TlsError (of an https: proxy),
    DeadlineExceeded.
    """
    if any(endpoint.mode.encrypts for endpoint in options.endpoints):
        _ = options.trust.context  # what is wrong with our authorities is told before anything is opened
    now = ports.now()
    end = now + options.timeout.connect
    end = end if until is None else min(end, until)
    endpoint, stream = await _reach(options, ports, until=end)
    if options.proxy_header is not None:
        try:
            await stream.write(options.proxy_header.octets(stream), within=max(0.0, end - ports.now()))
        except BaseException:
            stream.abort()
            raise
    return endpoint, stream


async def _reach(options: ClientOptions, ports: Ports, *, until: float) -> tuple[Endpoint, Stream]:
    first = options.endpoints[0]
    left = max(0.0, until - ports.now())
    if first.path is not None:
        return first, await ports.connect_unix(first.path, within=left)
    if options.proxies is not None and options.proxies.serve(first.host):
        return await _through(options.proxies, options, ports, until=until)
    places = [(endpoint.host, endpoint.port) for endpoint in options.endpoints]
    place, stream = await ports.race(places, within=left, local_address=options.local_address, resolve=options.resolve)
    return options.endpoints[place], stream


async def _through(proxies: Proxies, options: ClientOptions, ports: Ports, *, until: float) -> tuple[Endpoint, Stream]:
    """One endpoint after the other. What a proxy holds against us is not tried twice, a wrong password least of all."""
    failures: list[MailwardError] = []
    for position, endpoint in enumerate(options.endpoints):
        now = ports.now()
        share = max(0.0, until - now) / (len(options.endpoints) - position)
        tunnel = Tunnel(proxies, ports, until=now + share, local_address=options.local_address, resolve=options.resolve)
        try:
            server_first = endpoint.mode is not TlsMode.IMPLICIT and options.proxy_header is None
            return endpoint, await tunnel.reach(endpoint.host, endpoint.port, server_first=server_first)
        except (ProxyError, DeadlineExceeded) as error:
            if isinstance(error, ProxyError) and error.phase != UNREACHED:
                raise
            failures.append(error)
    raise _nobody(failures)


def _nobody(failures: list[MailwardError]) -> MailwardError:
    last = failures[-1]
    if len(failures) == 1:
        return last
    told = "; ".join(failure.message for failure in failures)
    retryable = any(failure.retryable for failure in failures)
    return type(last)(told, phase=UNREACHED, advice=last.advice, retryable=retryable)
