"""Certificates against TLSA records: what DNSSEC names is believed, and nothing else."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailward.errors import CertificateError
from mailward.records.answer import TlsaRecord
from mailward.records.dane import verify
from mailward.records.tlsa import Usage
from tests.support.certificates import DAY, NOW, Pair, authority, issue, self_signed

NAME = "mx.example.test"


def key_of(pair: Pair) -> bytes:
    return pair.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def tlsa(pair: Pair, usage: int, selector: int = 1, matching: int = 1) -> TlsaRecord:
    chosen = key_of(pair) if selector else pair.der
    data = {0: chosen, 1: hashlib.sha256(chosen).digest(), 2: hashlib.sha512(chosen).digest()}[matching]
    return TlsaRecord(usage, selector, matching, data)


def intermediate(issuer: Pair, *, ca: bool = True, path_length: int | None = None) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Intermediate")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 90 * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    )
    return Pair(builder.sign(issuer.key, hashes.SHA256()), key)


def check(chain: list[Pair], *records: TlsaRecord, now: datetime.datetime = NOW, name: str = NAME) -> Usage:
    return verify([pair.der for pair in chain], records, names=[name], now=now)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_key_itself(selector: int, matching: int) -> None:
    """DANE-EE: the key is all; neither name nor dates nor issuer count (RFC 7671 §5.1)."""
    pair = issue(("other.test",), end=NOW - DAY / 2)

    assert check([pair], tlsa(pair, 3, selector, matching)) is Usage.DANE_EE


def test_another_key() -> None:
    """One that no record names is refused, with the word to say so."""
    with pytest.raises(CertificateError, match="no TLSA record matches"):
        check([issue((NAME,))], tlsa(issue((NAME,)), 3))


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_an_authority(selector: int, matching: int) -> None:
    """DANE-TA: the server's certificate is issued by it, directly or through another."""
    leaf = issue((NAME,))
    middle = intermediate(authority())
    behind = issue((NAME,), issuer=middle)
    record = tlsa(authority(), 2, selector, matching)

    assert check([leaf, authority()], record) is Usage.DANE_TA
    assert check([behind, middle, authority()], record) is Usage.DANE_TA
    assert check([behind, middle], tlsa(middle, 2, selector, matching)) is Usage.DANE_TA


def test_an_authority_that_was_not_sent() -> None:
    """Written out in full it need not be sent; as a digest it must be."""
    leaf = issue((NAME,))

    assert check([leaf], tlsa(authority(), 2, 0, 0)) is Usage.DANE_TA
    with pytest.raises(CertificateError, match="no TLSA record matches"):
        check([leaf], tlsa(authority(), 2))


def test_a_name_and_dates_count_under_an_authority() -> None:
    """It vouches for many: another's certificate, and one that is over, are refused."""
    record = tlsa(authority(), 2)
    with pytest.raises(CertificateError, match="DANE"):
        check([issue(("other.test",)), authority()], record)
    with pytest.raises(CertificateError, match="DANE"):
        check([issue((NAME,), end=NOW - DAY / 2), authority()], record)
    assert check([issue(("*.example.test",)), authority()], record) is Usage.DANE_TA


def test_one_of_several_names() -> None:
    """The host's, or the domain's whose mail it is (RFC 7672 §3.2.2)."""
    chain = [issue(("example.test",)).der, authority().der]

    assert verify(chain, [tlsa(authority(), 2)], names=[NAME, "example.test"], now=NOW) is Usage.DANE_TA


def test_who_may_not_issue() -> None:
    """A certificate that is no authority, though a good one, vouches for nobody; nor does one with a full path."""
    ordinary = intermediate(authority(), ca=False)
    short = intermediate(authority(), path_length=0)
    with pytest.raises(CertificateError, match="DANE"):
        check([issue((NAME,), issuer=ordinary), ordinary, authority()], tlsa(authority(), 2))
    below = intermediate(short)
    with pytest.raises(CertificateError, match="DANE"):
        check([issue((NAME,), issuer=below), below, short, authority()], tlsa(authority(), 2))


def test_an_authority_beside_a_forged_leaf() -> None:
    """That its certificate was sent along proves nothing: it must have signed."""
    with pytest.raises(CertificateError, match="DANE"):
        check([self_signed((NAME,)), authority()], tlsa(authority(), 2))


def test_the_own_certificate_is_no_authority() -> None:
    """A DANE-TA record that names the server's own certificate means an issuer all the same."""
    pair = self_signed((NAME,))
    with pytest.raises(CertificateError, match="no TLSA record matches"):
        check([pair], tlsa(pair, 2))


def test_any_of_the_records() -> None:
    """One that matches is enough: keys are rolled over that way."""
    pair = issue((NAME,))

    assert check([pair, authority()], tlsa(issue((NAME,)), 3), tlsa(pair, 3)) is Usage.DANE_EE
    assert check([pair, authority()], tlsa(issue((NAME,)), 3), tlsa(authority(), 2)) is Usage.DANE_TA


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x00"], [b"x" * 100]])
def test_what_is_no_certificate(chain: list[bytes]) -> None:
    """It is refused like another's."""
    with pytest.raises(CertificateError, match="DANE"):
        verify(chain, [tlsa(authority(), 3)], names=[NAME], now=NOW)
