"""What we issue, and what a verifier that is not ours makes of it."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailward.server import certificates
from mailward.server.certificates import Issued

NOW = datetime.now(UTC)
HOST = "mail.example.test"


@pytest.fixture(scope="module")
def ca() -> Issued:
    return certificates.issue_ca(HOST, NOW)


def accepts(ca: Issued, leaf: Issued, name: str) -> bool:
    """Whether OpenSSL, as Python clients use it, accepts `leaf` for `name`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=ca.certificate_pem().decode())
    _load(server, leaf)
    pipes = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ours = client.wrap_bio(pipes[0], pipes[1], server_hostname=name)
    theirs = server.wrap_bio(pipes[1], pipes[0], server_side=True)
    for _ in range(3):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return True


def _load(context: ssl.SSLContext, issued: Issued) -> None:
    import tempfile  # noqa: PLC0415

    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(issued.certificate_pem() + issued.key_pem())
        file.flush()
        context.load_cert_chain(file.name)


@pytest.mark.parametrize("name", [HOST, "localhost", "127.0.0.1", "::1"])
def test_the_server_is_accepted_by_its_names(ca: Issued, name: str) -> None:
    """The host name, localhost and both loopback addresses are verified."""
    leaf = certificates.issue_leaf(HOST, ca, certificates.new_key(), NOW)

    assert accepts(ca, leaf, name)
    assert not accepts(ca, leaf, "other.example.test")


@pytest.mark.parametrize("name", ["bank.example", "example.test"])
def test_the_ca_can_vouch_for_nobody_else(ca: Issued, name: str) -> None:
    """A certificate for another name, signed with a stolen CA key, is refused: the CA is name-constrained."""
    forged = certificates.issue_leaf(name, ca, certificates.new_key(), NOW)

    assert certificates.issued_by(forged, ca)
    assert not accepts(ca, forged, name)


def test_openssl_agrees(ca: Issued, tmp_path: Path) -> None:
    """`openssl verify -x509_strict` finds nothing to say against it."""
    leaf = certificates.issue_leaf(HOST, ca, certificates.new_key(), NOW)
    (tmp_path / "ca.pem").write_bytes(ca.certificate_pem())
    (tmp_path / "server.pem").write_bytes(leaf.certificate_pem())
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem", "server.pem"]

    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 0, done.stderr


def test_ca_profile(ca: Issued) -> None:
    """A critical CA flag with path length 0, ten years, and no use but signing."""
    constraints = ca.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = ca.certificate.extensions.get_extension_for_class(x509.KeyUsage)

    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert (usage.value.key_cert_sign, usage.value.digital_signature) == (True, False)
    assert ca.certificate.not_valid_after_utc - NOW > timedelta(days=3650)


def test_a_leaf_does_not_outlive_its_ca(ca: Issued) -> None:
    """Near the CA's end the certificate ends with it."""
    late = ca.certificate.not_valid_after_utc - timedelta(days=10)

    leaf = certificates.issue_leaf(HOST, ca, certificates.new_key(), late)

    assert leaf.certificate.not_valid_after_utc == ca.certificate.not_valid_after_utc


def test_written_and_read(ca: Issued) -> None:
    """What is written is read back, and another's key does not fit."""
    other = certificates.issue_ca(HOST, NOW)

    again = certificates.read_issued(ca.certificate_pem(), ca.key_pem())

    assert again.fits()
    assert not certificates.read_issued(ca.certificate_pem(), other.key_pem()).fits()
    assert not certificates.issued_by(other, ca)


def test_a_key_of_another_kind_is_refused(ca: Issued) -> None:
    """An RSA key in the place of ours is a damaged file."""
    key = rsa.generate_private_key(65_537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(ValueError, match="elliptic curve"):
        certificates.read_issued(ca.certificate_pem(), pem)


def test_keys_are_not_shown(ca: Issued) -> None:
    """The repr of what was issued holds no key."""
    assert "PRIVATE" not in repr(ca)


@pytest.mark.parametrize(
    "hostname, names, named",
    [
        ("mail.example.test", ["mail.example.test"], True),
        ("MAIL.example.test", ["mail.example.test"], True),
        ("mail.example.test", ["*.example.test"], True),
        ("a.mail.example.test", ["*.example.test"], False),
        ("example.test", ["*.example.test"], False),
        ("mail.example.test", ["example.test"], False),
        ("mail.example.test", [], False),
    ],
)
def test_names(hostname: str, names: list[str], named: bool) -> None:
    """A wildcard stands for one whole label and no more (RFC 6125 §6.4.3)."""
    assert certificates.is_named(hostname, names) is named


def test_names_of(ca: Issued) -> None:
    """The names are those of subjectAltName; a CA has none."""
    leaf = certificates.issue_leaf("MAIL.example.test", ca, certificates.new_key(), NOW)

    assert certificates.names_of(leaf.certificate) == ["mail.example.test", "localhost"]
    assert certificates.names_of(ca.certificate) == []
