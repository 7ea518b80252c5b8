"""tls-server-end-point: a channel is known by the hash of its server's certificate (RFC 5929 §4)."""

from __future__ import annotations

import hashlib

from mailward.errors import SaslError
from mailward.sasl.mechanism import ChannelBinding

TYPE = "tls-server-end-point"


def tls_server_end_point(certificate_der: bytes) -> ChannelBinding:
    """The binding of a channel whose server shows this certificate.

    SaslError where RFC 5929 defines none: a signature that names no hash (Ed25519), or a certificate we cannot read.
    """
    return ChannelBinding(TYPE, hashlib.new(_hash_name(certificate_der), certificate_der).digest())


def bindings_of(certificate_der: bytes | None) -> tuple[ChannelBinding, ...]:
    """Every binding a channel with this server certificate has; none without TLS, or where none is defined."""
    if certificate_der is None:
        return ()
    try:
        return (tls_server_end_point(certificate_der),)
    except SaslError:
        return ()


def _hash_name(certificate_der: bytes) -> str:
    """§4.1: the hash of the certificate's signature, SHA-256 in the place of MD5 and SHA-1."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy, and only -PLUS needs it
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    try:
        algorithm = load_der_x509_certificate(certificate_der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SaslError("no channel binding: the server's certificate cannot be read", phase="auth") from error
    if algorithm is None:
        raise SaslError("no channel binding: the certificate's signature names no hash (RFC 5929 §4.1)", phase="auth")
    return "sha256" if algorithm.name in {"md5", "sha1"} else algorithm.name
