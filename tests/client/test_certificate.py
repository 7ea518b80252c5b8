"""What a certificate says, and why it was refused in plain words."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.certificate import (
    is_for,
    names_in,
    other_key,
    other_names,
    pin_of,
    pins_of,
    refusal,
    told,
    wants_a_look,
)
from mailward.errors import CertificateError, InputError
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
        (47, "may not certify such a name", "renew"),
        (23, "revoked", "renew"),
        (79, "some new words", "renew"),
    ],
)
def test_reasons(code: int, reason: str, advice: str) -> None:
    """OpenSSL's number in words, its own words where we have none."""
    error = refusal(verification_error(code, "some new words"), "mail.example")

    assert str(error).startswith("the certificate of mail.example is refused: ")
    assert reason in str(error)
    assert advice in error.advice
    assert wants_a_look(verification_error(code, "")) is (code in (18, 19, 20))


@pytest.mark.parametrize("code", [2, 18, 19, 20, 21])
def test_who_is_not_trusted_may_be_pinned(code: int) -> None:
    """The pin to paste is in the advice, and is that of the certificate that was refused."""
    error = refusal(verification_error(code, "x"), "mail.example", good().der)

    assert f'give pin="{pin_of(good().der)}"' in error.advice
    assert "ca=" in error.advice
    assert "pin=" not in refusal(verification_error(code, "x"), "mail.example", b"junk").advice
    assert "pin=" not in refusal(verification_error(10, "x"), "mail.example", good().der).advice


def test_a_wrong_name_tells_the_right_ones() -> None:
    """With the names of the certificate where they are known, escaped."""
    error = verification_error(62, "Hostname mismatch")
    certificate = issue(("a.example", "b\x1b[2J")).der

    assert wants_a_look(error)
    assert "it is for a.example, b\\x1b[2J, not for c.example" in str(refusal(error, "c.example", certificate))
    assert "it has no such name, not for c.example" in str(refusal(error, "c.example"))


def test_an_error_of_another_kind() -> None:
    """Without OpenSSL's number its message is kept; one of ours stays as it is."""
    assert "something else" in str(refusal(CertificateError("certificate refused: something else"), "h"))
    ours = other_key("h", found="sha256/A", expected=("sha256/B",))
    assert refusal(ours, "h") is ours
    assert not wants_a_look(ours)


def test_another_key() -> None:
    """Both pins are told."""
    error = other_key("mail.example", found="sha256/AA=", expected=("sha256/BB=", "sha256/CC="))

    assert "it is sha256/AA=, and pin= expects sha256/BB= or sha256/CC=" in str(error)
    assert error.phase == "tls"


def test_other_names() -> None:
    """What the certificate is for, and what it should be for."""
    certificate = issue(("a.example",)).der
    assert "it is for a.example, not for b.example or c.example" in str(
        other_names("h", certificate, expected=("b.example", "c.example"))
    )


@pytest.mark.parametrize(
    ("names", "reference", "match"),
    [
        (("a.example.test",), "a.example.test", True),
        (("A.example.TEST",), "a.Example.test.", True),
        (("*.example.test",), "a.example.test", True),
        (("*.example.test",), "A.EXAMPLE.test", True),
        (("*.example.test",), "example.test", False),
        (("*.example.test",), "a.b.example.test", False),
        (("*.test",), "example.test", False),
        (("*",), "localhost", False),
        (("a*.example.test",), "ab.example.test", False),
        (("*.*.test",), "a.example.test", False),
        (("*.example.test",), "*.example.test", True),
        (("good.test\x00.evil.test",), "good.test", False),
        (("xn--bcher-kva.example.test",), "xn--bcher-kva.example.test", True),
        (("192.0.2.1",), "192.0.2.1", True),
        (("2001:db8::1",), "2001:DB8:0::1", True),
        (("192.0.2.1",), "192.0.2.2", False),
        (("*.0.2.1",), "192.0.2.1", False),
        ((), "a.example.test", False),
    ],
)
def test_for_whom_a_certificate_is(names: tuple[str, ...], reference: str, match: bool) -> None:
    """A wildcard is a whole first label above two others; an address is no name, nor a common name one."""
    assert is_for(issue(names, common_name=reference).der, (reference,)) is match
    assert is_for(issue(names, common_name=reference).der, ("other.test", reference)) is match


def test_an_address_as_a_name_is_none() -> None:
    """dNSName 192.0.2.1 is not iPAddress 192.0.2.1 (RFC 9525 §3.1); what is no certificate is for nobody."""
    certificate = issue(("a92.0.2.1",)).der.replace(b"a92.0.2.1", b"192.0.2.1")

    assert names_in(certificate) == ("192.0.2.1",)
    assert not is_for(certificate, ("192.0.2.1",))
    assert not is_for(b"junk", ("a.example.test",))


def test_pins() -> None:
    """One or several, in our form or curl's; the padding is always written."""
    pin = pin_of(good().der)

    assert pins_of(None) == pins_of(()) == ()
    assert pins_of(pin) == pins_of([pin]) == (pin,)
    assert pins_of([pin, pin.replace("sha256/", "sha256//")]) == (pin, pin)


@pytest.mark.parametrize("pin", ["", "sha256/", "sha256/AAAA", "sha1/" + "A" * 44, "sha256/" + "!" * 44, 7, [7], b"x"])
def test_what_is_no_pin(pin: object) -> None:
    """It is refused at once, with what one looks like."""
    with pytest.raises(InputError, match="pin=") as caught:
        pins_of(pin)

    assert "base64 SHA-256" in caught.value.advice


@given(st.text(max_size=60))
def test_any_text_is_a_pin_or_none(text: str) -> None:
    """There is no third."""
    with contextlib.suppress(InputError):
        assert all(len(pin) == 51 for pin in pins_of(f"sha256/{text}"))


@pytest.mark.parametrize("san", [b"\x30\x02\xa3\x00", b"\x30\x07\xa5\x05\xa1\x03\x0c\x01x"], ids=["x400", "edi"])
def test_a_name_of_a_kind_nobody_reads_is_no_name(san: bytes) -> None:
    """A hostile certificate makes no error of another library's."""
    assert names_in(_with_names(san)) == ()
    assert told(_with_names(san))["names"] == ()


def test_a_name_is_told_without_what_moves_a_cursor() -> None:
    """It is the server's word."""
    assert names_in(_with_names(b"\x30\x07\x82\x05\x1b]0;\n")) == ("\\x1b]0;\\x0a",)


def _with_names(san: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=9))
        .add_extension(x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, san), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)
