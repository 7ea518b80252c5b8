"""Making and reading X.509 certificates (RFC 5280): ECDSA on P-256, a CA that may vouch for its own names only."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

CA_LIFE = timedelta(days=3653)
LEAF_LIFE = timedelta(days=397)
_CLOCK_SKEW = timedelta(hours=1)
_ADDRESSES = ("127.0.0.1", "::1")
_NETWORKS = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key; the key cannot be printed."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def fits(self) -> bool:
        """Whether the key is the certificate's."""
        return self.certificate.public_key() == self.key.public_key()

    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def issue_ca(hostname: str, now: datetime) -> Issued:
    """A CA that may sign for `hostname`, localhost and the loopback networks, and for nothing else."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Mailward local CA {secrets.token_hex(4)}")])
    permitted = [*_dns_names(hostname), *(x509.IPAddress(ipaddress.ip_network(network)) for network in _NETWORKS)]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(for_ca=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Issued(certificate, key)


def issue_leaf(hostname: str, ca: Issued, key: ec.EllipticCurvePrivateKey, now: datetime) -> Issued:
    """A server's certificate. Its subject is empty, the names are in subjectAltName (RFC 6125 §6.4.4)."""
    names = [*_dns_names(hostname), *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES)]
    certificate = (
        x509.CertificateBuilder(ca.certificate.subject, x509.Name([]), key.public_key(), x509.random_serial_number())
        .not_valid_before(max(now - _CLOCK_SKEW, ca.certificate.not_valid_before_utc))
        .not_valid_after(min(now + LEAF_LIFE, ca.certificate.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(for_ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
        .sign(ca.key, SHA256())
    )
    return Issued(certificate, key)


def read_issued(certificate_pem: bytes, key_pem: bytes) -> Issued:
    """What `issue_…` made. Raises ValueError."""
    key = load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key on an elliptic curve")  # noqa: TRY004 - a fault of the file, not of a type
    return Issued(x509.load_pem_x509_certificate(certificate_pem), key)


def read_certificate(pem: bytes) -> x509.Certificate:
    """The first certificate in `pem`. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem)


def issued_by(leaf: Issued, ca: Issued) -> bool:
    """Whether `ca` signed `leaf`."""
    try:
        leaf.certificate.verify_directly_issued_by(ca.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def names_of(certificate: x509.Certificate) -> list[str]:
    """Its DNS names, lower case (RFC 6125: the subject's common name is not one). Raises ValueError."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def is_named(hostname: str, names: list[str]) -> bool:
    """Whether one of `names` is `hostname`; `*` stands for exactly the first label (RFC 6125 §6.4.3)."""
    hostname = hostname.lower()
    return hostname in names or f"*.{hostname.partition('.')[2]}" in names


def _dns_names(hostname: str) -> list[x509.DNSName]:
    return [x509.DNSName(name) for name in dict.fromkeys((hostname.lower(), "localhost"))]


def _usage(*, for_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not for_ca,
        key_cert_sign=for_ca,
        crl_sign=for_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
