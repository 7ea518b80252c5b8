"""{SCRAM-SHA-256}, against Dovecot."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.schemes.scram import SCHEME, keys_of
from mailward.errors import StoreError
from mailward.sasl.scram import derive_keys

DOVECOT = (
    "{SCRAM-SHA-256}4096,0/6HjCioiVPrVFukS86Asw==,"
    "f3VV85YiEoCxvu2HsE6uFQW2RDzy2SF8mIUGr1IeCFc=,854DZuFm+r6ojKAEZPo5TMyvno03CNPPM6wkMGkddD0="
)


@pytest.mark.peer("dovecot")
def test_dovecot_agrees() -> None:
    """Its keys are those that we would derive, and a password that is shown is checked with them."""
    made = subprocess.run(
        ["doveadm", "pw", "-s", "SCRAM-SHA-256", "-p", "pass word"], check=True, capture_output=True, text=True
    )
    keys, check = keys_of(made.stdout.strip()), SCHEME.read(made.stdout.strip())

    assert keys is not None
    assert check is not None
    assert derive_keys("pass word", keys.salt, keys.iterations) == keys
    assert check(b"pass word")
    assert not check(b"pass words")


def test_a_line_of_dovecots() -> None:
    """One that was made before."""
    check = SCHEME.read(DOVECOT)

    assert check is not None
    assert check(b"secret")
    assert not check(b"secreu")
    assert keys_of("{SSHA}x") is None


@pytest.mark.parametrize(
    "verifier", [DOVECOT[:-8], DOVECOT.replace("4096", "1"), DOVECOT.replace("4096", "99999999"), "{SCRAM-SHA-256}x"]
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Iterations past the bounds, keys cut short."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)
