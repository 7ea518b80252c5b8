"""What a certificate says, and why it was refused in plain words."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.certificate import is_wrong_name, names_in, pin_of, refusal
from mailward.errors import CertificateError
from tests.support.certificates import Pair, authority, good, issue


def verification_error(code: int, message: str) -> CertificateError:
    cause = ssl.SSLCertVerificationError(1, "x")
    cause.verify_code, cause.verify_message = code, message
    error = CertificateError(f"certificate refused: {message}")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "pair", [good(), authority(), issue(("a" * 60 + ".example",) * 20)], ids=["leaf", "ca", "long"]
)
def test_the_pin_is_of_the_public_key(pair: Pair) -> None:
    """The same as the cryptography package makes of it."""
    certificate = pair.certificate
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    expected = "sha256/" + base64.b64encode(hashlib.sha256(key).digest()).decode()
    assert pin_of(certificate.public_bytes(serialization.Encoding.DER)) == expected


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_pin(octets: bytes) -> None:
    """Any octets are a pin or a ValueError."""
    with contextlib.suppress(ValueError):
        assert pin_of(octets).startswith("sha256/")


@given(st.integers(0, 300), st.integers(0, 255))
def test_a_changed_certificate_is_read_or_refused(position: int, octet: int) -> None:
    """One octet of a real certificate changed leads to no other error."""
    der = bytearray(good().der)
    der[position % len(der)] = octet
    with contextlib.suppress(ValueError):
        assert pin_of(bytes(der)).startswith("sha256/")


def test_names() -> None:
    """DNS names and addresses, in that order; none where there is none to be read."""
    assert names_in(issue(("b.example", "192.0.2.1", "a.example")).der) == ("b.example", "a.example", "192.0.2.1")
    assert names_in(issue(()).der) == ()
    assert names_in(b"junk") == ()


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (18, "self-signed", "ca="),
        (19, "not trusted", "ca="),
        (20, "not trusted", "ca="),
        (10, "expired", "renew"),
        (9, "not valid yet", "renew"),
        (26, "not meant for a server", "renew"),
        (66, "key is too weak", "renew"),
        (47, "permitted subtree violation", "renew"),
    ],
)
def test_reasons(code: int, reason: str, advice: str) -> None:
    """OpenSSL's number in words, its own words where we have none."""
    error = refusal(verification_error(code, "permitted subtree violation"), "mail.example")

    assert str(error).startswith("the certificate of mail.example is refused: ")
    assert reason in str(error)
    assert advice in error.advice
    assert not is_wrong_name(verification_error(code, ""))


def test_a_wrong_name_tells_the_right_ones() -> None:
    """With the names of the certificate where they are known, escaped."""
    error = verification_error(62, "Hostname mismatch")

    assert is_wrong_name(error)
    assert "it is for a.example, b\\x1b[2J, not for c.example" in str(
        refusal(error, "c.example", ("a.example", "b\x1b[2J"))
    )
    assert "it has no such name, not for c.example" in str(refusal(error, "c.example"))


def test_an_error_of_another_kind() -> None:
    """Without OpenSSL's number its message is kept."""
    assert "something else" in str(refusal(CertificateError("certificate refused: something else"), "h"))
