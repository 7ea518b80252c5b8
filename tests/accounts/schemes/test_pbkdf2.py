"""PBKDF2, against RFC 6070, passlib's documentation and Dovecot."""

from __future__ import annotations

import base64
import subprocess

import pytest

from mailward.accounts.schemes.pbkdf2 import SCHEME
from mailward.errors import StoreError

RFC6070 = bytes.fromhex("4b007901b765489abead49d926f721d065a429c1")
BASE64 = base64.b64encode(RFC6070).decode()
PASSLIB = "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44"


@pytest.mark.parametrize(
    "verifier",
    [
        f"{{PBKDF2}}$1$salt$4096${RFC6070.hex()}",
        f"pbkdf2_sha1$4096$salt${BASE64}",
        f"$pbkdf2-sha1$i=4096,l=20$c2FsdA${BASE64.rstrip('=')}",
        f"$pbkdf2$4096$c2FsdA${BASE64.rstrip('=')}",
        PASSLIB,
    ],
)
def test_published(verifier: str) -> None:
    """One vector of RFC 6070 in four spellings, and passlib's own."""
    check = SCHEME.read(verifier)

    assert check is not None
    assert check(b"password")
    assert not check(b"passwore")


@pytest.mark.peer("dovecot")
def test_dovecot_agrees() -> None:
    """What `doveadm pw` makes is read."""
    made = subprocess.run(
        ["doveadm", "pw", "-s", "PBKDF2", "-p", "pass word"], check=True, capture_output=True, text=True
    )
    check = SCHEME.read(made.stdout.strip())

    assert check is not None
    assert check(b"pass word")
    assert not check(b"pass  word")


@pytest.mark.parametrize(
    "verifier",
    [
        PASSLIB.replace("6400", "2000001"),
        PASSLIB.replace("6400", "0"),
        PASSLIB.replace("6400", "9" * 30),
        PASSLIB[:-30],
        f"$pbkdf2-sha1$i=4096,l=64$c2FsdA${BASE64}",
        "{PBKDF2}$1$salt$4096$4b00",
        "pbkdf2_sha256$1$$x",
        "pbkdf2_md5$1$salt$x",
    ],
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Minutes of work, and hashes cut short."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)
