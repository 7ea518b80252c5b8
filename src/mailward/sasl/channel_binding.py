"""A channel is known by the hash of its server's certificate (RFC 5929 §4) or by keys of its own (RFC 9266)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

from mailward.errors import SaslError
from mailward.sasl.mechanism import ChannelBinding

TYPE = "tls-server-end-point"
EXPORTER_TYPE = "tls-exporter"

Exporter: TypeAlias = Callable[[bytes, int], bytes | None]

_LABEL = b"EXPORTER-Channel-Binding"  # RFC 9266 §2: with no context, 32 octets of keying material
_OCTETS = 32


def tls_server_end_point(certificate_der: bytes) -> ChannelBinding:
    """The binding of a channel whose server shows this certificate.

    SaslError where RFC 5929 defines none: a signature that names no hash (Ed25519), or a certificate we cannot read.
    """
    return ChannelBinding(TYPE, hashlib.new(_hash_name(certificate_der), certificate_der).digest())


def tls_exporter(export: Exporter) -> ChannelBinding | None:
    """The binding of the one TLS connection whose keying material `export(label, octets)` gives, if it can give any.

    Only for TLS 1.3, or 1.2 with an extended master secret (RFC 9266 §3): the caller sees to it.
    """
    material = export(_LABEL, _OCTETS)
    return None if material is None else ChannelBinding(EXPORTER_TYPE, material)


def exporter_of(tls: object) -> Exporter:
    """How to export keying material of an `ssl` or pyOpenSSL object that a TLS 1.3 connection is made of.

    Python's own `ssl` cannot, up to 3.14 at least: it is asked each time whether it has learned to
    (`export_keying_material`, by the name that pyOpenSSL gives it). Where it has, this binding comes before
    tls-server-end-point, as RFC 9266 §3.1 wants it for TLS 1.3.
    """
    export = getattr(tls, "export_keying_material", None)
    version = getattr(tls, "version", None) or getattr(tls, "get_protocol_version_name", None)
    if export is None or version is None:
        return lambda _label, _octets: None

    def exported(label: bytes, octets: int) -> bytes | None:
        material = export(label, octets) if version() == "TLSv1.3" else None
        return material if isinstance(material, bytes) and len(material) == octets else None

    return exported


def bindings_of(certificate_der: bytes | None, *, exporter: Exporter | None = None) -> tuple[ChannelBinding, ...]:
    """Every binding a channel with this server certificate has, the best first; none without TLS."""
    if certificate_der is None:
        return ()
    of_connection = tls_exporter(exporter) if exporter else None
    found = () if of_connection is None else (of_connection,)
    try:
        return (*found, tls_server_end_point(certificate_der))
    except SaslError:
        return found


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
