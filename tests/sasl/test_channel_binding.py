from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import ssl
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from scramp.core import CBindData

from mailward.errors import SaslError
from mailward.sasl.channel_binding import bindings_of, exporter_of, tls_exporter, tls_server_end_point
from tests.support.certificates import good

# Made with OpenSSL, as cryptography no longer signs with these hashes; valid until 2056.
SHA1_SIGNED = base64.b64decode(
    "MIIBdjCCAR6gAwIBAgIUA2Rt6ety9ZyDal5xktKLkRxMWzwwCQYHKoZIzj0EATARMQ8wDQYDVQQDDAZ4LnRlc3QwIBcNMjYxMTI0MTQwNjA3"
    "WhgPMjA1NjExMTYxNDA2MDdaMBExDzANBgNVBAMMBngudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGpeuTMQDP/BPeTthKsC6j5s"
    "ZlSe+M8qmKUBjpTqWwst5BhkRwgMPdLN6/4DqdDwrLKi6jnQXaEK5dHtj2OX4QqjUzBRMB0GA1UdDgQWBBTLQNoaz6vtqHHDPdN868lrhlQf"
    "XTAfBgNVHSMEGDAWgBTLQNoaz6vtqHHDPdN868lrhlQfXTAPBgNVHRMBAf8EBTADAQH/MAkGByqGSM49BAEDRwAwRAIgRWUKKQ83Mfo6JflU"
    "AQCPPgGo3FYms/RxXguMXl2ZEbECIGvvrU8spm7T/WxLbT3qaf5Zvc2VXSHJ1cAZSxoIfOxC"
)
MD5_SIGNED = base64.b64decode(
    "MIICADCCAWmgAwIBAgIUO0yqXjFw3UzDdnOnGCS0xXOFTQQwDQYJKoZIhvcNAQEEBQAwETEPMA0GA1UEAwwGeC50ZXN0MCAXDTI2MTEyNDE0"
    "MDYwN1oYDzIwNTYxMTE2MTQwNjA3WjARMQ8wDQYDVQQDDAZ4LnRlc3QwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAJbSHVTmJeUODL3p"
    "AlxpgIa6vO6gPQbQMiQmuehPeDo3/Rz8vRXcZ8BQtdC0peZF4meOoMGkYn655FciXZ2XEihCWkzPJ/op/2TLpxwMhcbOUUIk7PawdNo0DnKW"
    "2cBVG5IgIr9J/AjANJf3ImZ8Nx/V7NSSKshuFCN/PCtKFxLXAgMBAAGjUzBRMB0GA1UdDgQWBBTskJdO0+UPKMZh+1j3DGsuazHdUzAfBgNV"
    "HSMEGDAWgBTskJdO0+UPKMZh+1j3DGsuazHdUzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBBAUAA4GBAI/ZyxHLMiPth04iLSQ0jz+5"
    "QgZDscbWXd9maRX/2djoPzq0EAZZmXdtbfMb/VRifTAk5b5ZICklUv6yt/kdthd4+YT92Jb301EPuEad4FjTqa9dtXykq08PCpqMAbHwaDjC"
    "mwy8sdZi9qTYsElIOlravKakahUCyHun8arBgkfZ"
)


def unsigned(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey,
) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.test")])
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2054, 1, 1, tzinfo=dt.UTC))
    )


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda hash_: hash_.name)
def test_the_hash_is_that_of_the_signature(algorithm: hashes.SHA256) -> None:
    """RFC 5929 §4.1, and the oracle agrees."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = der(unsigned(key).sign(key, algorithm))
    binding = tls_server_end_point(certificate)

    assert binding.type == "tls-server-end-point"
    assert binding.data == hashlib.new(algorithm.name, certificate).digest()
    assert binding.data == bytes(CBindData.from_der(certificate))


@pytest.mark.parametrize("certificate", [MD5_SIGNED, SHA1_SIGNED], ids=["md5", "sha1"])
def test_sha256_in_the_place_of_broken_hashes(certificate: bytes) -> None:
    """RFC 5929 §4.1: MD5 and SHA-1 are replaced."""
    binding = tls_server_end_point(certificate)

    assert binding.data == hashlib.sha256(certificate).digest()
    assert binding.data == bytes(CBindData.from_der(certificate))


def test_the_hash_of_rsa_pss_is_in_its_parameters() -> None:
    """The signature algorithm's identifier alone does not tell it."""
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    certificate = der(unsigned(key).sign(key, hashes.SHA384(), rsa_padding=pss))

    assert tls_server_end_point(certificate).data == hashlib.sha384(certificate).digest()


def test_a_signature_without_a_hash_has_no_binding() -> None:
    """RFC 5929 §4.1 leaves it undefined, so neither end may guess one."""
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = der(unsigned(key).sign(key, None))

    with pytest.raises(SaslError, match="names no hash"):
        tls_server_end_point(certificate)
    assert bindings_of(certificate) == ()


@pytest.mark.parametrize("rubbish", [b"", b"\x30\x82", b"not a certificate", MD5_SIGNED[:-1], MD5_SIGNED + b"\0"])
def test_what_is_no_certificate_has_no_binding(rubbish: bytes) -> None:
    """An error of ours, not of the X.509 library."""
    with pytest.raises(SaslError, match="cannot be read"):
        tls_server_end_point(rubbish)
    assert bindings_of(rubbish) == ()


def test_the_bindings_of_a_channel() -> None:
    """One with TLS, none without."""
    assert bindings_of(SHA1_SIGNED) == (tls_server_end_point(SHA1_SIGNED),)
    assert bindings_of(None) == ()


def connected() -> tuple[SSL.Connection, SSL.Connection]:
    """Two ends of a TLS 1.3 connection in memory, by pyOpenSSL, which can export keying material."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_privatekey(good().key)
    context.use_certificate(good().certificate)
    ends = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None), SSL.Connection(context, None)
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    for _ in range(4):
        for one, other in (ends, ends[::-1]):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65_536))
    return ends


def test_both_ends_export_the_same() -> None:
    """RFC 9266 §2, by the oracle's own call; another connection exports something else."""
    client, server = connected()
    binding = tls_exporter(exporter_of(client))

    assert binding is not None
    assert binding == tls_exporter(exporter_of(server))
    assert binding.type == "tls-exporter"
    assert binding.data == server.export_keying_material(b"EXPORTER-Channel-Binding", 32)
    assert binding != tls_exporter(exporter_of(connected()[0]))


def test_what_cannot_export() -> None:
    """Python's own ssl, an older TLS, or anything else: there is no such binding, and no error."""
    plain = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x.test")
    client, _ = connected()
    older = SimpleNamespace(export_keying_material=client.export_keying_material, version=lambda: "TLSv1.2")
    odd = SimpleNamespace(export_keying_material=lambda *_: b"short", version=lambda: "TLSv1.3")

    expected = hasattr(plain, "export_keying_material")
    assert (tls_exporter(exporter_of(plain)) is not None) is expected
    for each in (older, odd, None, object()):
        assert tls_exporter(exporter_of(each)) is None


def test_the_exporter_comes_first() -> None:
    """RFC 9266 §3.1: it is preferred, and never outside TLS; where it cannot be had the certificate's hash is left."""
    client, _ = connected()
    export = exporter_of(client)

    assert [each.type for each in bindings_of(SHA1_SIGNED, exporter=export)] == ["tls-exporter", "tls-server-end-point"]
    assert [each.type for each in bindings_of(b"rubbish", exporter=export)] == ["tls-exporter"]
    assert bindings_of(SHA1_SIGNED, exporter=exporter_of(None)) == (tls_server_end_point(SHA1_SIGNED),)
    assert bindings_of(None, exporter=export) == ()
