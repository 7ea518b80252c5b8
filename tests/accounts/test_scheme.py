"""What schemes share: bounds and base64."""

from __future__ import annotations

import pytest

from mailward.accounts.scheme import check_scrypt, digest_of, number, octets
from mailward.errors import StoreError


@pytest.mark.parametrize("text", ["YWJj", "YWI=", "YWI"])
def test_base64(text: str) -> None:
    """With and without padding."""
    assert octets(text) in {b"abc", b"ab"}


@pytest.mark.parametrize("text", ["Y", "YW=J", "YW J", "YWJj\n", "ü"])
def test_no_base64(text: str) -> None:
    """Anything else is told."""
    with pytest.raises(StoreError, match="not base64"):
        octets(text)


def test_a_hash_has_a_length() -> None:
    """One that is cut short would match too many passwords."""
    with pytest.raises(StoreError, match="16 to 128 octets"):
        digest_of("YWJj")


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "11", "1_0", "1 ", "٣"])
def test_numbers(text: str) -> None:
    """Decimal digits within bounds, and nothing that int() would also take."""
    with pytest.raises(StoreError, match="outside 1 to 10"):
        number(text, most=10, what="rounds")


def test_scrypt_bounds() -> None:
    """256 MiB are the most; the usual parameters are well within."""
    check_scrypt(15, 8, 1)
    check_scrypt(18, 8, 1)
    for n_log2, r, p in [(19, 8, 1), (18, 8, 3), (0, 8, 1), (40, 1, 1), (10, 0, 1)]:
        with pytest.raises(StoreError):
            check_scrypt(n_log2, r, p)
