"""One HTTPS request over the ports: no redirect, no compression, everything bounded (RFC 9110, RFC 9112)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mailward.errors import ConnectError, ConnectionLost, DnsError, InputError, InvalidUrl, ProtocolError
from mailward.net.ports import too_late
from mailward.net.public_address import is_public
from mailward.net.tls_stream import TlsStream
from mailward.printable import printable
from mailward.wire.tls import TlsLayer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import h11

    from mailward.net.ports import Ports, Stream
    from mailward.net.query import Dns

_READ: Final = 16 * 1024
_MOST_HEADERS: Final = 32 * 1024  # octets of all header fields
_MOST_INTERIM: Final = 4  # replies 1xx before the real one
_MOST_ADDRESSES: Final = 8


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`headers`: by their names in lower case; of several with one name the values joined by `, `."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Of Content-Type, without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


async def request(
    ports: Ports,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    within: float,
    most: int = 65536,
    context: ssl.SSLContext,
    public_only: bool = False,
    dns: Dns | None = None,
) -> HttpAnswer:
    """Whatever the server answers, a redirect too. `within`: seconds for all of it. `most`: octets of its body.

    url: https; http only to a loopback address. public_only: the name is resolved first (by `dns`), an address that
    is not of the Internet refused, and exactly the one that was looked at connected to. No proxy is used. Raises
    InvalidUrl, DnsError, ConnectError, ConnectionLost, TlsError, CertificateError, ProtocolError, DeadlineExceeded.
    """
    target = _Target.of(url)
    question = _question(target, method, headers or {}, body)
    until = ports.now() + within
    stream = await _connected(ports, target, until, public_only=public_only, dns=dns)
    try:
        if target.secure:
            stream = await _secured(stream, target, context, ports, until)
        for part in question.parts:
            await stream.write(part, within=_left(ports, until))
        answer = await _Reading(stream, question.connection, ports, until, most).answer()
    except BaseException:
        stream.abort()
        raise
    await stream.close()
    return answer


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> _Target:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").encode("idna").decode(), parts.port
        except (ValueError, UnicodeError):
            raise InvalidUrl("this is no URL of a web server", phase="https") from None
        if not host or not url.isascii() or not url.isprintable() or " " in url or parts.username is not None:
            raise InvalidUrl("a URL must be https://host/path, in ASCII and without a user", phase="https")
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
            raise InvalidUrl("a URL must be https; http only to 127.0.0.1 or [::1]", phase="https")
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host, port or (443 if secure else 80), path, secure)


@dataclass(frozen=True, slots=True)
class _Question:
    """A request made into octets, and the state that reads its answer."""

    connection: h11.Connection
    parts: tuple[bytes, ...]


def _question(target: _Target, method: str, headers: Mapping[str, str], body: bytes) -> _Question:
    import h11  # noqa: PLC0415

    fields = {"Host": target.authority, "User-Agent": "mailward", "Accept-Encoding": "identity", **headers}
    fields |= {"Connection": "close"}
    if body or method in ("POST", "PUT"):
        fields["Content-Length"] = str(len(body))
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
    try:
        asked = h11.Request(method=method, target=target.path, headers=list(fields.items()))
        parts = [connection.send(asked)]
        if body:
            parts.append(connection.send(h11.Data(data=body)))
        parts.append(connection.send(h11.EndOfMessage()))
    except (h11.LocalProtocolError, UnicodeError):
        parts = []
    if not parts:  # a new error: the one of h11 shows the value, which may be a secret
        raise InputError("the request has a header field or a method that cannot be sent", phase="https")
    return _Question(connection, tuple(part for part in parts if part))


class _Reading:
    """The answer, octet by octet, until it is whole, too long or too late."""

    def __init__(self, stream: Stream, connection: h11.Connection, ports: Ports, until: float, most: int) -> None:
        self._stream = stream
        self._connection = connection
        self._ports = ports
        self._until = until
        self._most = most

    async def answer(self) -> HttpAnswer:
        import h11  # noqa: PLC0415

        status, headers, body = 0, {"": ""}, bytearray()
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                status, headers = event.status_code, _headers(event)
                if headers.get("content-encoding", "identity").lower() != "identity":
                    raise ProtocolError("the web server sent a compressed answer, which was not asked for")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._most:
                    raise ProtocolError(f"the web server's answer has more than {self._most} octets")
            elif isinstance(event, h11.EndOfMessage):
                return HttpAnswer(status, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionLost("the web server closed the connection before its answer")

    async def _event(self) -> object:
        import h11  # noqa: PLC0415

        interim, problem = 0, ""
        try:
            while True:
                event = self._connection.next_event()
                if isinstance(event, h11.InformationalResponse):
                    interim += 1
                    if interim > _MOST_INTERIM:
                        raise ProtocolError("the web server says 1xx without end")
                elif event is not h11.NEED_DATA:
                    return event
                else:
                    data = await self._stream.read(_READ, within=_left(self._ports, self._until))
                    self._connection.receive_data(data)
        except h11.RemoteProtocolError as error:
            problem = printable(str(error), 200)
        raise ProtocolError(f"the web server broke HTTP: {problem}", phase="https")


def _headers(response: h11.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


async def _connected(ports: Ports, target: _Target, until: float, *, public_only: bool, dns: Dns | None) -> Stream:
    if public_only:
        addresses = await _public_addresses(ports, target.host, until, dns)
        return await ports.connect(
            target.host, target.port, within=_left(ports, until), resolve=lambda _host, _port: addresses
        )
    stream = await ports.connect(target.host, target.port, within=_left(ports, until))
    if not target.secure and not _is_loopback(stream.peername):
        stream.abort()
        raise InvalidUrl("http is for loopback addresses only", phase="https")
    return stream


async def _public_addresses(ports: Ports, host: str, until: float, dns: Dns | None) -> tuple[str, ...]:
    """What is connected to is what was looked at: the name is not asked again."""
    found: list[str] = []
    if _is_address(host):
        found.append(host)
    else:
        for kind in ("AAAA", "A"):
            answer = await ports.query(host, kind, within=_left(ports, until), dns=dns)
            if answer.state == "bogus":
                raise DnsError(f"DNSSEC says that the addresses of {host} are forged", phase="https")
            found += [str(record) for record in answer.records]
    for address in found:
        if not is_public(address):
            raise ConnectError(f"{host} leads to {address}, which is not an address of the Internet", phase="https")
    if not found:
        raise DnsError(f"{host} has no address", phase="https")
    return tuple(found[:_MOST_ADDRESSES])


async def _secured(stream: Stream, target: _Target, context: ssl.SSLContext, ports: Ports, until: float) -> TlsStream:
    layer = TlsLayer(context, server_side=False, server_hostname=target.host)
    secured = TlsStream(stream, layer, clock=ports.now)
    await secured.handshake(within=_left(ports, until))
    return secured


def _left(ports: Ports, until: float) -> float:
    left = until - ports.now()
    if left <= 0:
        raise too_late("asking a web server")
    return left


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
