"""TLS on a connection, or an error that says which of the many reasons it was (RFC 8446, RFC 9525)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.client.certificate import pin_of
from mailward.client.receipt import TlsInfo
from mailward.client.tls_mode import TlsMode
from mailward.errors import CertificateError, ConnectionLost, DeadlineExceeded, StartTlsInjection, TlsError
from mailward.net.tls_stream import TlsStream
from mailward.wire.tls import TlsLayer

if TYPE_CHECKING:
    import ssl

    from mailward.client.tls_mode import Endpoint
    from mailward.net.ports import Ports, Stream

_TLS_RECORDS = (0x15, 0x16)  # alert, handshake


async def secure(
    stream: Stream, endpoint: Endpoint, context: ssl.SSLContext, *, ports: Ports, within: float
) -> TlsStream:
    """`stream` inside TLS, its certificate verified. Raises CertificateError, TlsError, DeadlineExceeded."""
    name = endpoint.host.partition("%")[0]  # without the scope of an IPv6 address
    layer = TlsLayer(context, server_side=False, server_hostname=name)
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
            raise _spoken_in_clear(endpoint) from error
        error.advice = error.advice or "the server must speak TLS 1.2 or later with a cipher that is not broken"
        raise
    return secured


def tls_info(stream: TlsStream, *, verified_by: str) -> TlsInfo:
    return TlsInfo(stream.layer.version, stream.layer.cipher, verified_by, pin_of(certificate_of(stream)))


def certificate_of(stream: TlsStream) -> bytes:
    """DER of the certificate that was verified in the handshake."""
    return stream.layer.peer_certificate() or b""


def _spoken_in_clear(endpoint: Endpoint) -> TlsError:
    if endpoint.mode is TlsMode.STARTTLS:
        return StartTlsInjection(
            "plaintext followed the reply to STARTTLS: someone on the path writes into the connection",
            phase="starttls",
            advice="do not use this network path; the server or a middlebox is compromised",
        )
    return TlsError(
        f"{endpoint} does not speak TLS: it sent plaintext first",
        phase="tls",
        advice='if this port uses STARTTLS, as 587 and 25 do, use tls="starttls" or an smtp:// URL',
    )
