"""bcrypt: published vectors, Dovecot's and the web server's makers, and the 72 octets."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.scheme import Check
from mailward.accounts.schemes.bcrypt import SCHEME
from mailward.errors import StoreError

U_STAR_U = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


def check_of(verifier: str) -> Check:
    check = SCHEME.read(verifier)
    assert check is not None
    return check


@pytest.mark.parametrize("verifier", [U_STAR_U, U_STAR_U.replace("2a", "2b"), "bcrypt$" + U_STAR_U])
def test_published(verifier: str) -> None:
    """Openwall's first vector."""
    assert check_of(verifier)(b"U*U")
    assert not check_of(verifier)(b"U*V")


@pytest.mark.peer("htpasswd")
def test_a_long_password_equals_no_other() -> None:
    """bcrypt ignores what follows 72 octets; a password longer than that is wrong rather than half compared."""
    made = subprocess.run(["htpasswd", "-niBC4", "x"], input=b"p" * 72, check=True, capture_output=True)
    check = check_of(made.stdout.decode().strip().partition(":")[2])

    assert check(b"p" * 72)
    assert not check(b"p" * 71)
    assert not check(b"p" * 73)
    assert not check(b"p" * 72 + b"\0")


def test_no_octet_ends_a_password() -> None:
    """crypt(3) stops at a NUL; we do not."""
    assert not check_of(U_STAR_U)(b"U*U\0more")


@pytest.mark.parametrize(
    "verifier", ["$2b$15$" + U_STAR_U[7:], "$2x$05$" + U_STAR_U[7:], "$2b$03$" + U_STAR_U[7:], "$2b$05$short"]
)
def test_too_much_and_damaged(verifier: str) -> None:
    """A cost past a second, the broken kind 2x, and what is cut short."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)
