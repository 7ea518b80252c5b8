"""A certificate authority for tests, and certificates of every kind a client must take or refuse."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
_ONE_AT_A_TIME = threading.RLock()
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Pair(NamedTuple):
    """`above`: the authorities between it and the root, which a server shows too."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # the weak ones too: it is for the client to refuse them
        chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.above)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            Path(file.name).write_bytes(self.key_pem + self.pem + chain)
            context.load_cert_chain(file.name)
        return context


def authority(name: str = "Test CA") -> Pair:
    """One for each name, in all threads."""
    with _ONE_AT_A_TIME:
        return _authority(name)


@cache
def _authority(name: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key, start=NOW - DAY, end=NOW + 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def issue(
    names: tuple[str, ...] = LOOPBACK,
    *,
    issuer: Pair | None = None,
    common_name: str = "server",
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + 90 * DAY,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    key: rsa.RSAPrivateKey | None = None,
) -> Pair:
    """A certificate for `names` (DNS names and IP addresses) by `issuer`, the test authority by default."""
    issuer = issuer or authority()
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, issuer.certificate.subject, own, start=start, end=end)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    above = () if issuer.certificate.issuer == issuer.certificate.subject else (issuer.certificate,)
    return Pair(builder.sign(issuer.key, hashes.SHA256()), own, above)


def constrained(permitted: str) -> Pair:
    """An authority under the test authority, which may only certify names under `permitted`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"only {permitted}")])
    names = x509.NameConstraints([x509.DNSName(permitted)], None)
    builder = (
        _builder(subject, authority().certificate.subject, key, start=NOW - DAY, end=NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(names, critical=True)
    )
    return Pair(builder.sign(authority().key, hashes.SHA256()), key)


def signed_with_sha1(names: tuple[str, ...] = LOOPBACK) -> Pair:
    """As `issue`, with a signature that can be forged; cryptography no longer makes one."""
    from OpenSSL import crypto  # noqa: PLC0415

    pair = issue(names)
    certificate = crypto.X509.from_cryptography(pair.certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        certificate.sign(crypto.PKey.from_cryptography_key(authority().key), "sha1")
    return Pair(certificate.to_cryptography(), pair.key)


def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is what it is for


def self_signed(names: tuple[str, ...] = LOOPBACK, *, end: datetime.datetime = NOW + DAY) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self-signed")])
    builder = _builder(subject, subject, key, start=NOW - 2 * DAY, end=end)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def good() -> Pair:
    """The one most tests use: for the loopback addresses, by the test authority."""
    with _ONE_AT_A_TIME:
        return _good()


@cache
def _good() -> Pair:
    return issue()


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    start: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
