"""MD5-crypt, against OpenSSL."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.schemes.md5_crypt import SCHEME
from mailward.errors import StoreError


@pytest.mark.peer("openssl")
def test_openssl_agrees() -> None:
    """It is read, and known to be weak."""
    made = subprocess.run(["openssl", "passwd", "-1", "secret"], check=True, capture_output=True, text=True)
    check = SCHEME.read(made.stdout.strip())

    assert SCHEME.weak
    assert check is not None
    assert check(b"secret")
    assert not check(b"secrets")


def test_damaged() -> None:
    """Cut short."""
    with pytest.raises(StoreError, match="MD5-crypt"):
        SCHEME.read("$1$salt$short")
