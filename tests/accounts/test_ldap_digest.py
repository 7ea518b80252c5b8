"""Digests in braces."""

from __future__ import annotations

import base64
import hashlib

import pytest

from mailward.accounts.ldap_digest import read
from mailward.errors import StoreError

ALGORITHMS = {"SSHA": "sha1"}


def test_a_salt_of_any_usual_length() -> None:
    """RFC 2307's own examples have four octets, others have more."""
    for salt in (b"x", b"salt", b"s" * 64):
        value = base64.b64encode(hashlib.sha1(b"secret" + salt, usedforsecurity=False).digest() + salt).decode()
        check = read("{SSHA}" + value, ALGORITHMS, salted=True)
        assert check is not None
        assert check(b"secret")
        assert not check(b"secret" + salt)


@pytest.mark.parametrize("value", ["a" * 26 + "==", "ab" * 1000, "zz"])
def test_damaged(value: str) -> None:
    """No salt, too much of it, or no hash."""
    with pytest.raises(StoreError, match="cannot be used"):
        read("{SSHA}" + value, ALGORITHMS, salted=True)
    with pytest.raises(StoreError, match="cannot be used"):
        read("{SSHA.HEX}" + "0" + value, ALGORITHMS, salted=True)


def test_other_names() -> None:
    """Are no business of it."""
    assert read("{SMD5}x", ALGORITHMS, salted=True) is None
    assert read("SSHA", ALGORITHMS, salted=True) is None
