"""Domains with mail servers, for tests: a name server, and ports on which each of their addresses leads to loopback."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from mailward.client.direct_options import DirectOptions, direct_options
from mailward.errors import ConnectError
from mailward.net.ports import Ports, Stream
from mailward.net.query import Dns
from tests.support.certificates import Pair, authority, issue
from tests.support.hostile import HostileServer, Script, hostile_server
from tests.support.name_server import NameServer


@dataclass
class Translating:
    """`ports`, on which an address leads to a port of loopback, as behind a translating router; others lead nowhere."""

    ports: Ports
    places: dict[str, int]
    reached: list[tuple[str, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ports, name)

    async def connect(
        self, host: str, port: int, *, within: float | None, local_address: Any = None, resolve: Any = None
    ) -> Stream:
        for address in resolve(host, port) if resolve else (host,):
            self.reached.append((address, port))
            if address in self.places:
                return await self.ports.connect("127.0.0.1", self.places[address], within=within)
        raise ConnectError(f"nobody is at {host}", phase="connect")


@dataclass
class World:
    """`names` tells the addresses of `places`; what is reached through `ports` is noted in `reached`."""

    names: NameServer
    places: dict[str, int] = field(default_factory=dict)
    reached: list[tuple[str, int]] = field(default_factory=list)

    @property
    def dns(self) -> Dns:
        return Dns(("127.0.0.1",), port=self.names.port)

    def ports(self, ports: Ports) -> Any:
        return Translating(ports, self.places, self.reached)

    def options(self, **arguments: Any) -> DirectOptions:
        """Of a client that trusts the test authority, keeps its state in memory, and asks our name server."""
        given: Any = {"ca": authority().pem, "dns": self.dns, "state": False, "timeout": 20.0, **arguments}
        return direct_options(**given)

    def host(self, name: str, address: str, port: int | None = None) -> None:
        self.names.zone[name, "A"] = (300, [address])
        if port is not None:
            self.places[address] = port

    def mx(self, domain: str, *hosts: str) -> None:
        """In this order."""
        self.names.zone[domain, "MX"] = (300, [f"{10 * at} {host}." for at, host in enumerate(hosts, 1)])

    def tlsa(self, host: str, *records: str, port: int = 25) -> None:
        self.names.zone[f"_{port}._tcp.{host}", "TLSA"] = (300, list(records))

    @contextlib.contextmanager
    def server(
        self, name: str, address: str, script: Script | None = None, **script_fields: Any
    ) -> Iterator[HostileServer]:
        """A mail server with STARTTLS and a good certificate for `name`, unless the script says otherwise."""
        script = script or Script(**{"tls": "starttls", "pair": issue((name,)), **script_fields})
        with hostile_server(script) as server:
            self.host(name, address, server.port)
            yield server


@contextlib.contextmanager
def world() -> Iterator[World]:
    with NameServer() as names:
        yield World(names)


def tlsa_of(pair: Pair, usage: int, selector: int = 1, matching: int = 1) -> str:
    """The TLSA record that names a certificate or its key."""
    key = pair.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    chosen = key if selector else pair.der
    data = {0: chosen, 1: hashlib.sha256(chosen).digest(), 2: hashlib.sha512(chosen).digest()}[matching]
    return f"{usage} {selector} {matching} {data.hex()}"


def with_chain(pair: Pair, *issuers: Pair) -> ssl.SSLContext:
    """A server's context that sends its issuers along."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_bytes(pair.key_pem + pair.pem + b"".join(issuer.pem for issuer in issuers))
        context.load_cert_chain(file.name)
    return context
