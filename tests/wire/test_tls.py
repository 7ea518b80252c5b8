"""TLS over MemoryBIO, both roles, joined by hand."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailward.errors import CertificateError, ConnectionLost, TlsError
from mailward.wire.tls import TlsLayer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mx.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("tls")
    (directory / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "c.pem", directory / "k.pem"


def pair(certificate: tuple[Path, Path], name: str = "mx.test") -> tuple[TlsLayer, TlsLayer]:
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(*certificate)
    client_context = ssl.create_default_context(cafile=str(certificate[0]))
    return (
        TlsLayer(client_context, server_side=False, server_hostname=name),
        TlsLayer(server_context, server_side=True),
    )


def shake(client: TlsLayer, server: TlsLayer) -> None:
    client.start()
    for _ in range(5):
        server.receive_data(client.data_to_send())
        client.receive_data(server.data_to_send())
        if client.established and server.established and not client.data_to_send():
            return


def test_a_conversation(certificate: tuple[Path, Path]) -> None:
    """Both sides come up, plaintext crosses, and a close_notify is an ending."""
    client, server = pair(certificate)
    shake(client, server)
    client.write(b"EHLO x\r\n")

    assert server.receive_data(client.data_to_send()) == b"EHLO x\r\n"
    assert client.version == "TLSv1.3"
    assert client.cipher == server.cipher
    assert client.peer_certificate()
    client.close()
    assert server.receive_data(client.data_to_send()) == b""
    assert server.closed
    server.receive_eof()


def test_octet_by_octet(certificate: tuple[Path, Path]) -> None:
    """The cut of the ciphertext means nothing."""
    client, server = pair(certificate)
    shake(client, server)
    client.write(b"x" * 40_000)
    got = b"".join(server.receive_data(bytes([octet])) for octet in client.data_to_send())

    assert got == b"x" * 40_000


def test_a_wrong_name_is_refused(certificate: tuple[Path, Path]) -> None:
    """The client says which certificate error it is, and the server learns it by an alert."""
    client, server = pair(certificate, "other.test")
    client.start()
    server.receive_data(client.data_to_send())
    with pytest.raises(CertificateError, match=r"other\.test"):
        client.receive_data(server.data_to_send())
    with pytest.raises(TlsError):
        server.receive_data(client.data_to_send())


def test_plaintext_is_no_handshake(certificate: tuple[Path, Path]) -> None:
    """Injected plaintext ends the layer; it never comes out as data."""
    client, server = pair(certificate)
    client.start()
    with pytest.raises(TlsError):
        server.receive_data(b"MAIL FROM:<evil@b.test>\r\n")
    with pytest.raises(TlsError):
        client.receive_data(b"250 injected\r\n")


def test_a_cut_connection_is_noticed(certificate: tuple[Path, Path]) -> None:
    """S59: an end without close_notify is not an ending."""
    client, server = pair(certificate)
    shake(client, server)
    with pytest.raises(ConnectionLost, match="close_notify"):
        server.receive_eof()


def test_what_the_peer_sent(certificate: tuple[Path, Path]) -> None:
    """Its certificates as they came, even where nothing verified them; none of a client that shows none."""
    client, server = pair(certificate)
    assert client.peer_chain() == ()
    shake(client, server)

    assert client.peer_chain() == (client.peer_certificate(),)
    assert server.peer_chain() == ()
