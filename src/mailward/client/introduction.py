"""What we say of another client, for whom we speak: the PROXY header, and XCLIENT (Postfix's XCLIENT_README).

Both only when told, since a server believes them only from whom it trusts, and breaks off with everybody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.errors import ConnectError, InputError, ServiceUnavailable
from mailward.wire.proxy import Endpoint as End
from mailward.wire.proxy import write_proxy_header
from mailward.wire.xclient import xclient_of

if TYPE_CHECKING:
    from mailward.client.conversation import Conversation
    from mailward.net.ports import Stream
    from mailward.wire.command import XClient

HeaderValue: TypeAlias = str | tuple[str, str, str]

_VERSIONS: Final = {"v1": 1, "v2": 2}
_ADVICE: Final = '"v1" or "v2" tells this connection\'s own ends; others: ("v2", "192.0.2.7:40000", "192.0.2.25:25")'


@dataclass(frozen=True, slots=True)
class Introduction:
    """The PROXY header of each connection. `client`, `server`: the ends it tells; None for the connection's own."""

    version: int
    client: End | None = None
    server: End | None = None

    @classmethod
    def of(cls, value: HeaderValue | Introduction | None) -> Introduction | None:
        """Raises InputError."""
        match value:
            case None | Introduction():
                return value
            case str() if value in _VERSIONS:
                return cls(_VERSIONS[value])
            case (str() as version, str() as client, str() as server) if version in _VERSIONS:
                made = cls(_VERSIONS[version], _end(client), _end(server))
                write_proxy_header(made.client, made.server, version=made.version)
                return made
        raise _refused()

    def octets(self, stream: Stream) -> bytes:
        """On a Unix socket there are no ends of our own to tell: the header says that we speak for ourselves."""
        client, server = self.client, self.server
        if client is None and stream.peername:
            client = End(stream.sockname.partition("%")[0], stream.sockport)
            server = End(stream.peername.partition("%")[0], stream.peerport)
        return write_proxy_header(client, server, version=self.version)


def xclient_command(value: Mapping[str, str | None] | None) -> XClient | None:
    """Raises InputError."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InputError('xclient= must be a mapping, such as {"ADDR": "192.0.2.7"}', phase="options")
    return xclient_of(value)


async def introduce(conversation: Conversation, command: XClient) -> None:
    """Says XCLIENT after EHLO; another EHLO must follow. Raises ConnectError where the server does not take it."""
    offered = conversation.keywords.get("XCLIENT")
    known = set((offered or "").upper().split())
    missing = [name for name, _ in command.attributes if name not in known]
    if offered is None or missing:
        raise ConnectError(
            f"the server does not take XCLIENT {' '.join(missing)}",
            phase="xclient",
            advice="it offers XCLIENT only to addresses that it trusts (Postfix: smtpd_authorized_xclient_hosts)",
            retryable=False,
        )
    reply = await conversation.ask(command)
    if not reply.positive:
        raise ServiceUnavailable(
            f"the server refused XCLIENT: {reply}",
            phase="xclient",
            code=reply.code,
            enhanced_code=reply.enhanced,
            retryable=reply.transient,
        )


def _end(text: str) -> End:
    address, colon, port = text.rpartition(":")
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        raise _refused() from None
    if not (colon and port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65_536) or "%" in address:
        raise _refused()
    if (ip.version == 6) != address.startswith("["):
        raise _refused()
    return End(str(ip), int(port))


def _refused() -> InputError:
    return InputError("proxy_header= is not one we know", phase="options", advice=_ADVICE)
