from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pysequoia import Cert, CipherSuite, Decrypted, Sig, Tsk, decrypt, verify

from mailward.errors import InputError
from mailward.message.content import content_of
from mailward.message.openpgp import OpenPGP
from mailward.secret import Secret

ANN, BOB, CID = (
    Tsk.generate(f"{name} <{name.lower()}@example.org>", cipher_suite=suite)
    for name, suite in (("Ann", CipherSuite.Cv25519), ("Bob", CipherSuite.Cv25519), ("Cid", CipherSuite.P256))
)
# Made by GnuPG, with the passphrase "open".
LOCKED = """-----BEGIN PGP PRIVATE KEY BLOCK-----

lIYEawX6SRYJKwYBBAHaRw8BAQdAnrtigU31gB4dC8yFrLkolEC9JOmh677h8VIi
EC3r3gT+BwMCETNoAMsZHVH/qYt6Vo3ZPjs1gVE+rtxVJzcUM/qpL03xs9iPQcC1
W4ecnCF1uMIGTsytNBy6gLyzDa5f6Id5BAcdFniCbopBgZ7eHK5KHbQbTG9ja2Vk
IDxsb2NrZWRAZXhhbXBsZS5vcmc+iJAEExYIADgWIQSFO5ZrrWXIrOk7QdpJ8KzF
Ebar2QUCawX6SQIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRBJ8KzFEbar
2RnGAP4nj4vn1XpEUFb7AKVqU9t/0vu1PQwIw8znwtCdL1Yp+gD+NWGrq52oLaev
8Q0yxyQnHjw3/BwQVLnKDN0I3JuIgQ0=
=Tkb8
-----END PGP PRIVATE KEY BLOCK-----
"""


def message() -> EmailMessage:
    """With all that transport likes to change."""
    made = EmailMessage()
    made["From"], made["To"], made["Bcc"] = "ann@example.org", "bob@example.org", "eve@example.net"
    made["Subject"] = "Grüße"
    made.set_content("white space \t \nFrom here on\n.\nß\n\n\n")
    made.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="x.bin")
    return made


def parts_of(content: bytes) -> list[bytes]:
    """The two parts of a multipart, octet by octet."""
    boundary = message_from_bytes(content).get_boundary()
    return [part.removeprefix(b"\r\n") for part in content.split(f"\r\n--{boundary}".encode())[1:3]]


def opened(content: bytes, key: Tsk, sender: Tsk | None = None) -> tuple[EmailMessage, Decrypted]:
    """What a reader sees."""
    armoured = parts_of(content)[1].partition(b"\r\n\r\n")[2]
    store = (lambda _: [sender.extract_certificate()]) if sender else None
    done = decrypt(armoured, key.decryptor(), store=store)
    assert done.bytes is not None
    return message_from_bytes(done.bytes, policy=policy.default), done


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("protect", [False, True], ids=["plain", "protected"])
def test_sequoia_takes_the_signature(protect: bool) -> None:
    """Over the octets of the first part exactly, and by no other key."""
    content = content_of(OpenPGP(sign_with=str(ANN), protect_headers=protect).apply(message()))
    outer = message_from_bytes(content, policy=policy.default)
    entity, signature = parts_of(content)
    sig = Sig.from_bytes(signature.partition(b"\r\n\r\n")[2])
    inner = message_from_bytes(entity, policy=policy.default)

    assert verify(entity, lambda _: [ANN.extract_certificate()], signature=sig).valid_sigs
    with pytest.raises(RuntimeError):
        verify(entity.replace(b"white", b"black"), lambda _: [ANN.extract_certificate()], signature=sig)
    assert outer["Content-Type"].params["micalg"] == "pgp-sha512"
    assert text(inner) == text(message())
    assert (inner["Subject"], inner["Content-Type"].params.get("hp")) == (
        ("Grüße", "clear") if protect else (None, None)
    )
    assert b"eve@" not in content


@pytest.mark.peer("gpgv")
def test_gnupg_takes_the_signature(tmp_path: Path) -> None:
    """With a key it can read (RFC 4880), over the octets of the first part."""
    entity, signature = parts_of(content_of(OpenPGP(sign_with=bytes(ANN)).apply(message())))
    (tmp_path / "entity").write_bytes(entity)
    (tmp_path / "signature").write_bytes(signature.partition(b"\r\n\r\n")[2])
    (tmp_path / "keyring").write_bytes(bytes(ANN.extract_certificate()))
    command = ["gpgv", "--homedir", ".", "--keyring", "./keyring", "signature", "entity"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert 'Good signature from "Ann' in done.stderr


def test_everyone_it_is_encrypted_to_reads_it() -> None:
    """Signed by Ann, inside; two readers of two kinds of key; nothing of it is seen outside."""
    readers: list[str | Cert] = [BOB.extract_certificate(), str(CID.extract_certificate())]
    content = content_of(OpenPGP(sign_with=Secret(str(ANN)), encrypt_to=readers).apply(message()))

    assert b"white" not in content
    assert parts_of(content)[0] == b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    for key in (BOB, CID):
        inner, done = opened(content, key, ANN)
        assert text(inner) == text(message())
        assert len(done.valid_sigs) == 1
    with pytest.raises(RuntimeError):
        opened(content, ANN)


def test_the_subject_is_hidden() -> None:
    """With `protect_headers` the subject is inside only (RFC 9788)."""
    content = content_of(OpenPGP(encrypt_to=[bytes(BOB.extract_certificate())], protect_headers=True).apply(message()))
    inner, _ = opened(content, BOB)

    assert message_from_bytes(content)["Subject"] == "[...]"
    assert inner["Subject"] == "Grüße"
    assert "Subject: [...]" in inner.get_all("HP-Outer", [])


def test_a_key_with_a_passphrase() -> None:
    """It opens with its own, and tells what is wrong without it; the key is in no variable of the traceback."""
    OpenPGP(sign_with=LOCKED, passphrase=Secret("open")).apply(message())
    for wrong in (None, "s3cret"):
        with pytest.raises(InputError, match="OpenPGP says") as caught:
            OpenPGP(sign_with=LOCKED, passphrase=wrong)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [str(frame.locals) for frame in frames.stack if "/mailward/message/" in frame.filename]
        assert ours
        assert not any("PRIVATE KEY" in each or "s3cret" in each for each in ours)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "nothing to do"),
        ({"sign_with": "ann.asc"}, "PEM itself"),
        ({"sign_with": b"nonsense"}, "OpenPGP says"),
        ({"sign_with": bytes(ANN.extract_certificate())}, "OpenPGP says"),
        ({"encrypt_to": [b"nonsense"]}, "OpenPGP says"),
        ({"encrypt_to": Path("bob.asc")}, "list"),
    ],
)
def test_what_will_not_do(options: dict[str, Any], told: str) -> None:
    """Each is refused when it is given, in one line."""
    with pytest.raises(InputError, match=told) as caught:
        OpenPGP(**options)

    assert "\n" not in str(caught.value)


def test_a_revoked_certificate() -> None:
    """Nothing is encrypted to it."""
    certificate = BOB.extract_certificate()
    revoked = Cert.from_bytes(bytes(certificate) + bytes(certificate.revoke(BOB.certifier())))

    with pytest.raises(InputError, match="revoked"):
        OpenPGP(encrypt_to=[revoked])


def test_without_pysequoia(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is told."""
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(InputError) as caught:
        OpenPGP(sign_with=str(ANN))

    assert caught.value.advice == "pip install 'mailward[openpgp]'"


def test_the_key_is_seen_nowhere() -> None:
    """Not in repr or pickle."""
    signer = OpenPGP(sign_with=str(ANN), encrypt_to=[BOB.extract_certificate()])

    assert repr(signer) == "OpenPGP(signs, encrypts to 1)"
    with pytest.raises(TypeError):
        pickle.dumps(signer)
