"""What a server's certificate says, and in plain words why it was refused (RFC 5280, RFC 9525)."""

from __future__ import annotations

import base64
import hashlib
import ssl

from mailward.errors import CertificateError
from mailward.printable import printable

_SEQUENCE, _VERSION = 0x30, 0xA0
_WRONG_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_REASONS = {  # X509_V_ERR_… of OpenSSL's x509_vfy.h
    2: "it was issued by an authority that is not trusted",
    9: "it is not valid yet (or this machine's clock is slow)",
    10: "it has expired (or this machine's clock is fast)",
    18: "it is self-signed",
    19: "its chain ends in an authority that is not trusted (self-signed root)",
    20: "it was issued by an authority that is not trusted",
    21: "it was issued by an authority that is not trusted",
    23: "it has been revoked",
    26: "it is not meant for a server",
    66: "its key is too weak",
    67: "an authority's key is too weak",
    68: "a signature in its chain is too weak",
}
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})


def pin_of(certificate: bytes) -> str:
    """`sha256/` and the base64 SHA-256 of the public key (SubjectPublicKeyInfo) of a DER certificate."""
    return "sha256/" + base64.b64encode(hashlib.sha256(_public_key(certificate)).digest()).decode("ascii")


def is_wrong_name(error: CertificateError) -> bool:
    return _code(error) in _WRONG_NAME


def refusal(error: CertificateError, host: str, names: tuple[str, ...] = ()) -> CertificateError:
    """`error` in plain words. `names`: those the certificate has, where they are known."""
    code = _code(error)
    if code in _WRONG_NAME:
        has = f"it is for {printable(', '.join(names), 300)}" if names else "it has no such name"
        reason, advice = f"wrong name: {has}, not for {host}", "connect by a name the certificate has"
    else:
        reason = _REASONS.get(code) or printable(error.message.removeprefix("certificate refused: "))
        advice = "let the server's operator renew or mend it; verification cannot be turned off"
    if code in _UNTRUSTED:
        advice = "if this is your own authority, give its certificate with ca=; verification cannot be turned off"
    return CertificateError(f"the certificate of {host} is refused: {reason}", phase="tls", advice=advice)


def names_in(certificate: bytes) -> tuple[str, ...]:
    """The DNS names and IP addresses of a DER certificate; none if it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  # heavy, and only for the wording of an error

    try:
        extension = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        return ()
    names = extension.value
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def _code(error: CertificateError) -> int:
    cause = error.__cause__
    return cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0


def _public_key(certificate: bytes) -> bytes:
    """The sixth field of TBSCertificate, after the version, which may be left out (RFC 5280 §4.1)."""
    _, start, _ = _element(certificate, 0)  # Certificate
    _, position, _ = _element(certificate, start)  # TBSCertificate
    tag, _, end = _element(certificate, position)
    if tag == _VERSION:
        position = end
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        _, _, position = _element(certificate, position)
    tag, _, end = _element(certificate, position)
    if tag != _SEQUENCE:
        raise ValueError("not an X.509 certificate")
    return certificate[position:end]


def _element(der: bytes, position: int) -> tuple[int, int, int]:
    """Tag, start of the content and end of the DER element at `position`."""
    try:
        tag, length, start = der[position], der[position + 1], position + 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[start : start + octets], "big")
            start += octets
    except IndexError:
        raise ValueError("not an X.509 certificate") from None
    if start + length > len(der):
        raise ValueError("not an X.509 certificate")
    return tag, start, start + length
