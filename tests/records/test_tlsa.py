"""Which TLSA records can be used, and what they mean."""

from __future__ import annotations

import hashlib

import pytest

from mailward.records.answer import TlsaRecord
from mailward.records.tlsa import in_words, matches, usable

SHA256 = b"\x01" * 32
SHA512 = b"\x02" * 64


@pytest.mark.parametrize(
    "record",
    [(3, 1, 1, SHA256), (3, 0, 2, SHA512), (2, 0, 1, SHA256), (2, 1, 2, SHA512), (3, 1, 0, b"\x30\x01\x00")],
)
def test_usable(record: tuple[int, int, int, bytes]) -> None:
    """DANE-TA and DANE-EE, by certificate or key, whole or as a digest of its length."""
    assert usable([TlsaRecord(*record)]) == (TlsaRecord(*record),)


@pytest.mark.parametrize(
    "record",
    [
        (0, 1, 1, SHA256),
        (1, 1, 1, SHA256),
        (255, 1, 1, SHA256),
        (3, 2, 1, SHA256),
        (3, 1, 3, SHA256),
        (3, 1, 1, SHA256[:-1]),
        (3, 1, 1, SHA512),
        (3, 1, 2, SHA256),
        (3, 1, 1, b""),
        (3, 0, 0, b""),
        (3, 0, 0, b"no DER"),
    ],
)
def test_not_usable(record: tuple[int, int, int, bytes]) -> None:
    """The usages that SMTP has no use for, unknown numbers, and digests of another length (row C23)."""
    assert usable([TlsaRecord(*record)]) == ()


def test_the_strongest_digest() -> None:
    """A weaker digest beside a stronger one does not count; of another usage or selector it does."""
    strong, weak, other = TlsaRecord(3, 1, 2, SHA512), TlsaRecord(3, 1, 1, SHA256), TlsaRecord(2, 1, 1, SHA256)

    assert usable([weak, strong, other, strong]) == (strong, other)


def test_matches() -> None:
    """Each selector and each matching type means what RFC 6698 says."""
    certificate, key = b"\x30certificate", b"\x30key"
    for selector, chosen in ((0, certificate), (1, key)):
        for matching, data in ((0, chosen), (1, hashlib.sha256(chosen).digest()), (2, hashlib.sha512(chosen).digest())):
            assert matches(TlsaRecord(3, selector, matching, data), certificate, key)
            assert not matches(TlsaRecord(3, selector, matching, data), b"x", b"y")


def test_in_words() -> None:
    """As it stands in a zone file."""
    assert in_words(TlsaRecord(3, 1, 1, b"\xab\xcd")) == "3 1 1 abcd"
