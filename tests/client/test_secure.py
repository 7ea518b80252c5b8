"""TLS on a connection, or an error that tells plaintext, attack and bad TLS apart."""

from __future__ import annotations

import socket

import pytest

from mailward.client.certificate import pin_of
from mailward.client.secure import certificate_of, secure, tls_info, trusted
from mailward.client.tls_mode import TLS, Endpoint, TlsMode
from mailward.client.trust import Trust
from mailward.errors import (
    CertificateError,
    ConnectionLost,
    DeadlineExceeded,
    MailwardError,
    StartTlsInjection,
    TlsError,
)
from mailward.net.ports import Ports
from tests.support.certificates import authority, good
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Script, hostile_server
from tests.support.tcp import tcp_server


@both_drivers
def test_what_is_told_of_a_channel(driver: Driver) -> None:
    """Version, cipher, whose authority, and the certificate that was verified."""

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        endpoint = Endpoint("127.0.0.1", server.port, TlsMode.IMPLICIT)
        secured = await secure(stream, endpoint, Trust(authority().pem).context, ports=ports, within=5)
        info = tls_info(secured, verified_by="ca=")
        await secured.close()

        assert certificate_of(secured) == good().der
        assert (info.version, info.verified_by) == ("TLSv1.3", "ca=")
        assert info.cipher.startswith("TLS_")

    with hostile_server(Script(tls="implicit")) as server:
        driver.run(flow)


@both_drivers
@pytest.mark.parametrize(
    ("mode", "octets", "kind", "match"),
    [
        (TlsMode.IMPLICIT, b"220 mail.example ESMTP\r\n", TlsError, "plaintext first"),
        (TlsMode.IMPLICIT, b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsError, "plaintext first"),
        (TlsMode.STARTTLS, b"250 SMTPUTF8\r\n", StartTlsInjection, "plaintext followed"),
        (TlsMode.IMPLICIT, b"\x15\x03\x03\x00\x02\x02\x28", TlsError, "handshake failed"),
        (TlsMode.STARTTLS, b"\x16\x03\x03\x00\x04abcd", TlsError, "handshake failed"),
        (TlsMode.IMPLICIT, b"", ConnectionLost, "during the TLS handshake"),
    ],
    ids=["smtp", "http", "injected", "alert", "broken", "closed"],
)
def test_what_is_not_tls(driver: Driver, mode: TlsMode, octets: bytes, kind: type[MailwardError], match: str) -> None:
    """Each way to be no TLS has its own words and phase."""

    def talk(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(octets)

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        endpoint = Endpoint("127.0.0.1", server.port, mode)
        try:
            await secure(stream, endpoint, Trust(authority().pem).context, ports=ports, within=5)
        finally:
            stream.abort()

    with tcp_server(talk) as server, pytest.raises(kind, match=match) as caught:
        driver.run(flow)

    assert type(caught.value) is kind
    assert caught.value.phase in ("tls", "starttls")
    assert caught.value.advice or kind is ConnectionLost


@both_drivers
def test_a_silent_server(driver: Driver) -> None:
    """The deadline says that it was TLS we waited for."""

    def deaf(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass

    async def flow(ports: Ports) -> None:
        stream = await ports.connect("127.0.0.1", server.port, within=5)
        endpoint = Endpoint("127.0.0.1", server.port, TlsMode.IMPLICIT)
        try:
            await secure(stream, endpoint, Trust(authority().pem).context, ports=ports, within=0.1)
        finally:
            stream.abort()

    with tcp_server(deaf) as server, pytest.raises(DeadlineExceeded) as caught:
        driver.run(flow)

    assert caught.value.phase == "tls"


@both_drivers
def test_whom_a_client_believes_is_checked_before_a_word(driver: Driver) -> None:
    """`trusted` adds the pin and the names to OpenSSL's checks; `only_look` reads a certificate and checks nothing."""

    async def flow(ports: Ports) -> None:
        endpoint = Endpoint("127.0.0.1", server.port, TlsMode.IMPLICIT)
        pin, other = pin_of(good().der), "sha256/" + "A" * 43 + "="

        async def channel(trust: Trust, *, only_look: bool = False) -> bytes:
            stream = await ports.connect("127.0.0.1", server.port, within=5)
            try:
                return certificate_of(
                    await trusted(stream, endpoint, trust, ports=ports, within=5, only_look=only_look)
                )
            finally:
                stream.abort()

        assert await channel(Trust.of(pin=pin)) == good().der
        assert await channel(Trust.of(pin=other), only_look=True) == good().der
        for trust in (Trust.of(pin=other), Trust.of(TLS(names=("a.test", "b.test")), authority().pem)):
            with pytest.raises(CertificateError, match="is refused"):
                await channel(trust)

    with hostile_server(Script(tls="implicit")) as server:
        driver.run(flow)

    assert server.heard == b""
