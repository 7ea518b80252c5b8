from __future__ import annotations

import base64
import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailward.accounts.certificates import account_of, pin_of, pins_of
from mailward.errors import InputError
from tests.support.certificates import DAY, NOW, authority, issue

ANN = "ann@example.test"
TIME = NOW.timestamp()


def certificate(
    *emails: str,
    names: tuple[str, ...] = (),
    subject: str = "somebody",
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """A client's, by the test authority, as DER. emails: its rfc822Names. subject: e-mail address of its subject."""
    issuer = authority()
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject_name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, subject),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "subject@example.test"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    general: list[x509.GeneralName] = [x509.RFC822Name(email) for email in emails]
    general += [x509.DNSName(name) for name in names]
    if general:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "emails, account",
    [
        ((ANN,), ANN),
        (("Ann@Example.TEST",), ANN),
        (("ann@xn--bcher-kva.example",), "ann@xn--bcher-kva.example"),
        ((ANN, "ANN@example.test"), ANN),
        ((ANN, "bob@example.test"), None),  # whose is it?
        ((), None),
    ],
)
def test_the_email_address_names_the_account(emails: tuple[str, ...], account: str | None) -> None:
    """In its one spelling, if there is exactly one."""
    assert account_of(certificate(*emails, names=("host.example.test",)), {}, now=TIME) == account


def test_no_other_name_counts() -> None:
    """Neither the subject, with an e-mail address or without, nor a DNS name; nor a certificate without names."""
    assert account_of(certificate(names=(ANN.replace("@", "."),), subject=ANN), {}, now=TIME) is None
    assert account_of(certificate(subject=ANN), {}, now=TIME) is None
    assert account_of(issue().der, {}, now=TIME) is None


def test_email_names_may_be_off() -> None:
    """Then only pinned keys count."""
    assert account_of(certificate(ANN), {}, now=TIME, email_names=False) is None


@pytest.mark.parametrize("email", ["a b@example.test", "nobody", "@example.test", "ann@-.test", "ann\0@e.test"])
def test_an_address_that_is_none(email: str) -> None:
    """A certificate may hold anything that is ASCII."""
    assert account_of(certificate(email), {}, now=TIME) is None
    assert account_of(certificate(email, ANN), {}, now=TIME) is None


@pytest.mark.parametrize(
    "start, end, valid",
    [
        (NOW - DAY, NOW + DAY, True),
        (NOW - 2 * DAY, NOW - DAY, False),
        (NOW + DAY, NOW + 2 * DAY, False),
    ],
)
def test_an_expired_certificate_names_nobody(start: datetime.datetime, end: datetime.datetime, *, valid: bool) -> None:
    """Nor one that is not valid yet, pinned or not: a session may have begun before it ended."""
    der = certificate(ANN, start=start, end=end)
    pins = pins_of({pin_of(der): ANN})

    assert account_of(der, {}, now=TIME) == (ANN if valid else None)
    assert account_of(der, pins, now=TIME) == (ANN if valid else None)


def test_a_pinned_key() -> None:
    """By the hash of its public key, which a renewed certificate keeps; before what the certificate says."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(spki)
    der = certificate("bob@example.test", key=key)

    assert pin_of(der) == digest.hexdigest()
    for pin in (digest.hexdigest(), digest.hexdigest().upper(), "sha256/" + base64.b64encode(digest.digest()).decode()):
        pins = pins_of({pin: "Ann@example.TEST"})
        assert account_of(der, pins, now=TIME) == ANN
        assert account_of(certificate(key=key), pins, now=TIME, email_names=False) == ANN
        assert account_of(certificate("bob@example.test"), pins, now=TIME) == "bob@example.test"


@pytest.mark.parametrize("pin", ["", "ab", "g" * 64, "sha256/", "sha256/AAAA", "sha256/!", "sha1/" + "A" * 44])
def test_pins_that_are_none(pin: str) -> None:
    """Told at the start, with what makes one."""
    with pytest.raises(InputError, match="SHA-256 of a public key") as caught:
        pins_of({pin: ANN})
    assert "openssl" in caught.value.advice


def test_a_pin_of_no_account() -> None:
    """The account's name is checked as any other."""
    with pytest.raises(InputError):
        pins_of({"0" * 64: "a b"})


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x82\xff\xff", certificate(ANN)[:-1], certificate(ANN)[1:]])
def test_what_is_no_certificate(der: bytes) -> None:
    """Nobody's."""
    assert account_of(der, {}, now=TIME) is None
    with pytest.raises(InputError):
        pin_of(der)
