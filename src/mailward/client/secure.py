"""TLS on a connection, or an error that says which of the many reasons it was (RFC 8446, RFC 9525)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mailward.client.certificate import pin_of
from mailward.client.receipt import TlsInfo
from mailward.client.tls_mode import TlsMode
from mailward.errors import CertificateError, ConnectionLost, DeadlineExceeded, StartTlsInjection, TlsError
from mailward.net.tls_stream import TlsStream
from mailward.wire.tls import TlsLayer

if TYPE_CHECKING:
    from mailward.client.tls_mode import Endpoint
    from mailward.client.trust import Trust
    from mailward.net.ports import Ports, Stream

_TLS_RECORDS = (0x15, 0x16)  # alert, handshake
_GREETING = b"220"


_OLD = {0: "SSL 3.0", 1: "TLS 1.0", 2: "TLS 1.1"}  # the second octet of a record's version
_VERSION = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_SSL_VERSION"})
_CIPHERS = frozenset(
    {
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "WRONG_CIPHER_RETURNED",
        "UNKNOWN_CIPHER_RETURNED",
    }
)


async def trusted(
    stream: Stream, endpoint: Endpoint, trust: Trust, *, ports: Ports, within: float, only_look: bool = False
) -> TlsStream:
    """`stream` inside TLS with whom `trust` believes. Raises what `secure` does; nothing was said inside then.

    `only_look`: with whomever it is, to read the certificate; nothing may be said inside.
    """
    host = _host_of(endpoint)
    context = trust.for_a_look() if only_look else trust.context
    secured = await secure(stream, endpoint, context, ports=ports, within=within, name=trust.server_name(host))
    if not only_look:
        trust.check(certificate_of(secured), host)
    return secured


async def secure(
    stream: Stream,
    endpoint: Endpoint,
    context: ssl.SSLContext,
    *,
    ports: Ports,
    within: float,
    name: str | None = None,
) -> TlsStream:
    """`stream` inside TLS, verified as `context` does. Raises CertificateError, TlsError, DeadlineExceeded.

    `name`: what the certificate is to be for, the host by default.
    """
    layer = TlsLayer(context, server_side=False, server_hostname=name or _host_of(endpoint))
    secured = TlsStream(stream, layer, clock=ports.now)
    try:
        await secured.handshake(within=within)
    except (ConnectionLost, DeadlineExceeded) as error:
        error.phase = "tls"
        raise
    except CertificateError:
        raise
    except TlsError as error:
        if secured.opening and secured.opening[0] not in _TLS_RECORDS:
            raise _spoken_in_clear(endpoint, secured.opening) from error
        raise _told(error, endpoint, secured.opening, context) from error
    return secured


def _host_of(endpoint: Endpoint) -> str:
    return endpoint.host.partition("%")[0]  # without the scope of an IPv6 address


def _told(error: TlsError, endpoint: Endpoint, opening: bytes, context: ssl.SSLContext) -> TlsError:
    """Why there is no TLS, as far as the server's first record and OpenSSL tell."""
    cause = error.__cause__
    reason = (cause.reason or "") if isinstance(cause, ssl.SSLError) else ""
    least = "TLS 1.3" if context.minimum_version is ssl.TLSVersion.TLSv1_3 else "TLS 1.2"
    advice = error.advice or f"the server must speak {least} or later with a cipher that is not broken"
    if reason in _VERSION:
        most = _OLD.get(opening[2]) if len(opening) > 2 else None
        speaks = f"it speaks no version later than {most}" if most else "it speaks older versions only"
        return TlsError(f"{endpoint} does not speak {least} or later: {speaks}", phase="tls", advice=advice)
    if reason in _CIPHERS:
        return TlsError(f"{error.message}: {endpoint} has no cipher in common with us", phase="tls", advice=advice)
    error.advice = advice
    return error


def tls_info(stream: TlsStream, *, verified_by: str) -> TlsInfo:
    return TlsInfo(stream.layer.version, stream.layer.cipher, verified_by, pin_of(certificate_of(stream)))


def certificate_of(stream: TlsStream) -> bytes:
    """DER of the certificate that was verified in the handshake."""
    return stream.layer.peer_certificate() or b""


def _spoken_in_clear(endpoint: Endpoint, opening: bytes) -> TlsError:
    if endpoint.mode is TlsMode.STARTTLS:
        return StartTlsInjection(
            "plaintext followed the reply to STARTTLS: someone on the path writes into the connection",
            phase="starttls",
            advice="do not use this network path; the server or a middlebox is compromised",
        )
    if opening.startswith(_GREETING):
        return TlsError(
            f"{endpoint} does not begin with TLS: it sent plaintext first, an SMTP greeting, as a STARTTLS port does",
            phase="tls",
            advice='this port speaks STARTTLS: use tls="starttls" or an smtp:// URL',
        )
    return TlsError(
        f"{endpoint} does not speak TLS: it sent plaintext first",
        phase="tls",
        advice='if this port uses STARTTLS, as 587 and 25 do, use tls="starttls" or an smtp:// URL',
    )
