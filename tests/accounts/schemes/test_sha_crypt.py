"""SHA-crypt, against its specification's first vectors and OpenSSL."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.schemes.sha_crypt import SCHEME
from mailward.errors import StoreError

HELLO = (
    "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
)


@pytest.mark.parametrize("verifier", HELLO)
def test_published(verifier: str) -> None:
    """Drepper's vectors."""
    check = SCHEME.read(verifier)

    assert check is not None
    assert check(b"Hello world!")
    assert not check(b"Hello world?")
    assert not check(b"Hello world!\0")
    assert not check(b"x" * 512)


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("kind", ["-5", "-6"])
@pytest.mark.parametrize("password", ["a", "pass word", "zwölf Boxkämpfer", "x" * 200])
def test_openssl_agrees(kind: str, password: str) -> None:
    """What `openssl passwd` makes is read, and matches its password and no other."""
    made = subprocess.run(
        ["openssl", "passwd", kind, "-stdin"], input=password.encode(), check=True, capture_output=True
    )
    check = SCHEME.read(made.stdout.decode().strip())

    assert check is not None
    assert check(password.encode())
    assert not check(password.encode() + b"x")


@pytest.mark.parametrize(
    "verifier",
    [
        "$6$rounds=1000001" + HELLO[1][2:],
        "$6$rounds=99" + HELLO[1][2:],
        "$6$rounds=999999999" + HELLO[1][2:],
        HELLO[1][:-1],
        "$6" + HELLO[0][2:],
        "$6$a:b$" + HELLO[1][14:],
    ],
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Rounds that would take minutes, and hashes of another length."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)
