from __future__ import annotations

import pickle
import subprocess
import traceback
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from mailward.errors import InputError
from mailward.message.content import content_of
from mailward.message.envelope import recipients_of
from mailward.message.smime import SMIME, certificates

NOW = datetime.now(UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def key(kind: str) -> Key:
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, int(kind))


@cache
def certificate(name: str, kind: str = "2048", *, days: int = 9, enciphers: bool = True) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=enciphers, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(kind).public_key())
        .serial_number(len(name))
        .not_valid_before(NOW - timedelta(days=10))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(usage, critical=True)
        .sign(key(kind), hashes.SHA256())
    )


def pem(of: x509.Certificate | Key) -> bytes:
    if isinstance(of, x509.Certificate):
        return of.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    return of.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def message() -> EmailMessage:
    """With all that transport likes to change."""
    made = EmailMessage()
    made["From"], made["To"], made["Bcc"] = "ann@example.org", "bob@example.net", "eve@example.net"
    made["Subject"] = "Grüße"
    made.set_content("white space \t \nFrom here on\n.\nß and " + "long " * 300 + "\n\n\n")
    made.add_alternative("<p>Grüße \n</p>\n", subtype="html")
    made.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="ä.bin")
    made.add_attachment("a \nFrom b\n", filename="plain.txt")
    return made


def texts(mail: Message) -> list[object]:
    """What a reader sees of each part, with the line breaks of this machine."""
    contents = [
        part.get_content() for part in mail.walk() if isinstance(part, EmailMessage) and not part.is_multipart()
    ]
    return [each.replace("\r\n", "\n") if isinstance(each, str) else each for each in contents]


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", "cms", *arguments], cwd=folder, check=False, capture_output=True)


@pytest.mark.parametrize("protect", [False, True], ids=["plain", "protected"])
@pytest.mark.parametrize("kind", ["2048", "ec"])
def test_openssl_takes_the_signature(tmp_path: Path, kind: str, protect: bool) -> None:
    """RSA and EC; what was signed says what the message said, and nothing in it tempts a server to change it."""
    signer = SMIME(certificate=certificate("Ann", kind), key=key(kind), protect_headers=protect)
    content = content_of(signer.apply(message()))
    (tmp_path / "message").write_bytes(content)
    (tmp_path / "ca.pem").write_bytes(pem(certificate("Ann", kind)))
    done = openssl(tmp_path, "-verify", "-in", "message", "-CAfile", "ca.pem", "-purpose", "any", "-out", "entity")

    assert done.returncode == 0, done.stderr
    entity = (tmp_path / "entity").read_bytes()
    inner = message_from_bytes(entity, policy=policy.default)
    lines = entity.split(b"\r\n")
    assert content.isascii()
    assert not any(line.endswith((b" ", b"\t")) or line.startswith(b"From ") or len(line) > 100 for line in lines)
    assert texts(inner) == texts(message())
    assert (inner["Subject"], inner["Bcc"]) == ("Grüße" if protect else None, None)
    assert inner["Content-Type"].params.get("hp") == ("clear" if protect else None)


@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-128-cbc"])
def test_openssl_decrypts_for_each_reader(tmp_path: Path, cipher: Any) -> None:
    """Everyone it is encrypted to reads the same; the server and all others read neither text nor Bcc."""
    readers = {"bob": "2048", "cid": "3072"}
    given = [certificate(name, kind) for name, kind in readers.items()]
    content = content_of(SMIME(encrypt_to=given, cipher=cipher).apply(message()))
    (tmp_path / "message").write_bytes(content)

    assert b"white space" not in content
    assert b"eve@" not in content
    for name, kind in readers.items():
        (tmp_path / "reader.pem").write_bytes(pem(certificate(name, kind)) + pem(key(kind)))
        done = openssl(tmp_path, "-decrypt", "-in", "message", "-recip", "reader.pem")
        assert done.returncode == 0, done.stderr
        inner = message_from_bytes(done.stdout, policy=policy.default)
        assert texts(inner) == texts(message())


def test_signed_then_encrypted(tmp_path: Path) -> None:
    """The signature is inside, and so is the subject with `protect_headers`; outside it says nothing."""
    secured = SMIME(
        certificate=pem(certificate("Ann")), key=pem(key("2048")), encrypt_to=[certificate("bob", "3072")],
        protect_headers=True, digest="sha512",
    ).apply(message())  # fmt: skip
    (tmp_path / "message").write_bytes(content_of(secured))
    (tmp_path / "reader.pem").write_bytes(pem(certificate("bob", "3072")) + pem(key("3072")))
    (tmp_path / "ca.pem").write_bytes(pem(certificate("Ann")))
    opened = openssl(tmp_path, "-decrypt", "-in", "message", "-recip", "reader.pem", "-out", "signed")
    verified = openssl(tmp_path, "-verify", "-in", "signed", "-CAfile", "ca.pem", "-purpose", "any")
    inner = message_from_bytes(verified.stdout, policy=policy.default)

    assert (opened.returncode, verified.returncode) == (0, 0), opened.stderr + verified.stderr
    assert b"micalg=sha-512" in (tmp_path / "signed").read_bytes()
    assert secured["Subject"] == "[...]"
    assert [str(address) for address in recipients_of(content_of(secured))] == ["bob@example.net"]
    assert inner["Subject"] == "Grüße"
    assert inner.get_all("HP-Outer") == ["From: ann@example.org", "To: bob@example.net", "Subject: [...]"]
    assert inner["Content-Type"].params["hp"] == "cipher"


def test_a_changed_octet_is_found(tmp_path: Path) -> None:
    """The signature is one: openssl refuses the message when a word of it is another."""
    content = content_of(SMIME(certificate=certificate("Ann"), key=key("2048")).apply(message()))
    (tmp_path / "message").write_bytes(content.replace(b"white", b"black", 1))
    (tmp_path / "ca.pem").write_bytes(pem(certificate("Ann")))

    assert openssl(tmp_path, "-verify", "-in", "message", "-CAfile", "ca.pem", "-purpose", "any").returncode == 4


def test_the_message_itself_is_left_alone() -> None:
    """`apply` gives another; the one it was given is the same as before."""
    given = message()
    before = given.as_bytes()
    SMIME(certificate=certificate("Ann"), key=key("2048")).apply(given)

    assert given.as_bytes() == before


def test_the_chain_goes_along(tmp_path: Path) -> None:
    """All certificates of the file and of `chain` are in the signature."""
    file = tmp_path / "ann.pem"
    file.write_bytes(pem(certificate("Ann")) + pem(certificate("Issuer", "3072")))
    signed = SMIME(certificate=file, key=key("2048"), chain=[pem(certificate("Root", "ec"))]).apply(message())
    (tmp_path / "message").write_bytes(content_of(signed))
    openssl(tmp_path, "-verify", "-in", "message", "-noverify", "-certsout", "certificates", "-out", "entity")

    assert len(certificates(tmp_path / "certificates")) == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "nothing to do"),
        ({"certificate": certificate("Ann")}, "both"),
        ({"certificate": certificate("Ann"), "key": key("3072")}, "does not belong"),
        ({"certificate": certificate("Ann"), "key": ed25519.Ed25519PrivateKey.generate()}, "RSA or EC"),
        ({"certificate": b"x", "key": key("2048")}, "no certificate"),
        ({"encrypt_to": [certificate("ec", "ec")]}, "nothing can be encrypted"),
        ({"encrypt_to": [certificate("short", "1024")]}, "nothing can be encrypted"),
        ({"encrypt_to": [certificate("only signs", enciphers=False)]}, "nothing can be encrypted"),
        ({"encrypt_to": Path("bob.pem")}, "list"),
        ({"encrypt_to": ["bob.pem"]}, "PEM itself"),
        ({"certificate": certificate("Ann"), "key": key("2048"), "digest": "sha1"}, "digest="),
    ],
)
def test_what_will_not_do(options: dict[str, Any], told: str) -> None:
    """Each is refused when it is given, not when the message leaves."""
    with pytest.raises(InputError, match=told):
        SMIME(**options)


def test_a_certificate_out_of_date() -> None:
    """With `at`, nothing is signed with or encrypted to a certificate that is not valid then."""
    expired = SMIME(certificate=certificate("Old", days=-1), key=key("2048"))

    expired.apply(message())
    with pytest.raises(InputError, match="CN=Old is valid from"):
        expired.apply(message(), at=NOW)


def test_the_key_is_seen_nowhere() -> None:
    """Not in repr, pickle, or any variable of a traceback of ours."""
    text = pem(key("2048")).decode().replace("M", "!", 40)
    signer = SMIME(certificate=certificate("Ann"), key=key("2048"), encrypt_to=[certificate("bob", "3072")])
    with pytest.raises(InputError) as caught:
        SMIME(certificate=certificate("Ann"), key=text)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)

    assert repr(signer) == "SMIME(signs as CN=Ann, encrypts to 1)"
    assert not any(
        "PRIVATE KEY" in str(frame.locals) for frame in frames.stack if "/mailward/message/" in frame.filename
    )
    with pytest.raises(TypeError):
        pickle.dumps(signer)
