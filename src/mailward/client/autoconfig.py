"""Reading an autoconfig file: where a domain says that its users send mail (the form Thunderbird made common)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError, XMLParser

from mailward.client.tls_mode import TlsMode
from mailward.errors import InvalidAddress, InvalidMessage
from mailward.wire.address import Mailbox

MOST: Final = 64 * 1024  # octets
_MOST_SERVERS: Final = 16
_MODES: Final = {"SSL": TlsMode.IMPLICIT, "STARTTLS": TlsMode.STARTTLS}  # "plain" is nobody's offer


@dataclass(frozen=True, slots=True)
class ConfiguredServer:
    """`user`: whom to log in as, with %EMAILADDRESS% and the like filled in. `oauth2`: it takes tokens."""

    host: str
    port: int
    mode: TlsMode
    user: str
    oauth2: bool


def parse_autoconfig(data: bytes, *, address: str, domain: str) -> tuple[ConfiguredServer, ...]:
    """The SMTP servers with TLS, in the file's order. Raises InvalidMessage for what is no such file.

    A document type is refused before anything is parsed, so that no entity can be declared.
    """
    if len(data) > MOST:
        raise InvalidMessage(f"the autoconfig file has more than {MOST} octets", phase="discover")
    if b"<!doctype" in data.lower() or b"<!entity" in data.lower() or b"\0" in data:
        raise InvalidMessage("the autoconfig file has a document type, which none needs", phase="discover")
    try:
        parser = XMLParser(encoding="utf-8")  # noqa: S314 - without a document type there are no entities
        parser.feed(data)
        root = parser.close()
    except (ParseError, ValueError) as error:
        raise InvalidMessage("the autoconfig file is not XML", phase="discover") from error
    found: list[ConfiguredServer] = []
    for element in root.iter("outgoingServer"):
        server = _server(element, address, domain) if element.get("type") == "smtp" else None
        if server is not None and len(found) < _MOST_SERVERS:
            found.append(server)
    return tuple(found)


def host_name(text: str) -> str | None:
    """As A-labels, in lower case; None for what is no name: an address, a URL, the path of a socket on this machine."""
    try:
        domain = Mailbox.parse(f"x@{text.removesuffix('.')}").domain
    except InvalidAddress:
        return None
    return None if domain.startswith("[") else domain


def _server(element: Element, address: str, domain: str) -> ConfiguredServer | None:
    mode = _MODES.get(_text(element, "socketType").upper())
    port = _text(element, "port")
    host = host_name(_filled(_text(element, "hostname"), address, domain))
    if (
        mode is None
        or host is None
        or not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535)
    ):
        return None
    methods = {(each.text or "").strip().lower() for each in element.findall("authentication")}
    user = _filled(_text(element, "username"), address, domain)
    return ConfiguredServer(host, int(port), mode, user or address, "oauth2" in methods)


def _text(element: Element, name: str) -> str:
    child = element.find(name)
    return "" if child is None else (child.text or "").strip()[:300]


def _filled(text: str, address: str, domain: str) -> str:
    local = address.rpartition("@")[0]
    for name, value in (("EMAILADDRESS", address), ("EMAILLOCALPART", local), ("EMAILDOMAIN", domain)):
        text = text.replace(f"%{name}%", value)
    return text
