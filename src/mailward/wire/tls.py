"""TLS as a layer without I/O over MemoryBIO, both roles: ciphertext in, plaintext out.

One TLS for client and server, for implicit TLS, STARTTLS and TLS inside a proxy's TLS; the bytes that arrive before a
handshake can never be taken for bytes inside it, because they are fed by hand.
"""

from __future__ import annotations

import ssl
import sys
from typing import Final

from mailward.errors import CertificateError, ConnectionLost, TlsError

_DER: Final = 2  # OpenSSL's number for the form, which the ssl module does not name
_RECORD: Final = 16_384  # octets of plaintext in a TLS record at the most (RFC 8446 §5.1)
_NO_CERTIFICATE: Final = "TLSV13_ALERT_CERTIFICATE_REQUIRED"  # comes after the handshake in TLS 1.3
_WANTED: Final = "the server wants a certificate of ours: give cert="


class TlsLayer:
    """One TLS connection. After any call, `data_to_send()` holds what the peer must get (alerts included)."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self.established = False
        self.closed = False

    @property
    def version(self) -> str:
        return self._object.version() or ""

    @property
    def cipher(self) -> str:
        cipher = self._object.cipher()
        return cipher[0] if cipher else ""

    @property
    def tls_object(self) -> ssl.SSLObject:
        """For what only it can give: keying material for a channel binding (RFC 9266)."""
        return self._object

    def peer_certificate(self) -> bytes | None:
        """DER of the peer's certificate."""
        return self._object.getpeercert(binary_form=True)

    def peer_chain(self) -> tuple[bytes, ...]:
        """DER of the certificates that the peer sent, its own first, verified or not."""
        if sys.version_info >= (3, 13):
            return tuple(self._object.get_unverified_chain())
        inner = getattr(self._object, "_sslobj")  # noqa: B009 - not public before 3.13
        return tuple(certificate.public_bytes(_DER) for certificate in inner.get_unverified_chain() or ())

    def start(self) -> None:
        """The client's first flight."""
        self._shake()

    def receive_data(self, data: bytes) -> bytes:
        """Plaintext of `data`, b"" while the handshake goes on. Raises TlsError or CertificateError."""
        self._incoming.write(data)
        if not self.established:
            self._shake()
            if not self.established:
                return b""
        return self._decrypt()

    def receive_eof(self) -> None:
        """The transport ended. Raises ConnectionLost unless the peer had said so inside TLS (a truncation attack)."""
        if not self.closed:
            raise ConnectionLost("the connection ended without a TLS close_notify", phase="tls")

    def write(self, plaintext: bytes) -> None:
        try:
            self._object.write(plaintext)
        except ssl.SSLError as problem:
            raise TlsError(f"TLS failed: {_reason(problem)}", phase="tls") from problem

    def data_to_send(self) -> bytes:
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> None:
        """Queue close_notify; it does not wait for the peer's."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            return  # SSLWantRead: ours is queued; anything else: there is no session to close

    def _shake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLCertVerificationError as problem:
            raise CertificateError(f"certificate refused: {problem.verify_message}", phase="tls") from problem
        except ssl.SSLError as problem:
            raise TlsError(f"TLS handshake failed: {_reason(problem)}", phase="tls") from problem
        self.established = True

    def _decrypt(self) -> bytes:
        pieces = []
        try:
            while piece := self._object.read(_RECORD):
                pieces.append(piece)
                if not self._incoming.pending and not self._object.pending():
                    break  # to ask for more would only raise
            else:
                self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as problem:
            advice = _WANTED if problem.reason == _NO_CERTIFICATE else None
            raise TlsError(f"TLS failed: {_reason(problem)}", phase="tls", advice=advice) from problem
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _reason(problem: ssl.SSLError) -> str:
    return (problem.reason or "protocol error").replace("_", " ").lower()
