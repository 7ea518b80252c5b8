"""{SMD5}, {SMD5.HEX}: what Dovecot makes of them."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.schemes.salted_md5 import SCHEME
from mailward.errors import StoreError


@pytest.mark.peer("dovecot")
@pytest.mark.parametrize("kind", ["SMD5", "SMD5.HEX"])
def test_dovecot_agrees(kind: str) -> None:
    """It is read in any case of its name, and matches its password and no other."""
    made = subprocess.run(["doveadm", "pw", "-s", kind, "-p", "secret"], check=True, capture_output=True, text=True)
    name, _, rest = made.stdout.strip().partition("}")
    for verifier in (f"{name}}}{rest}", f"{name.lower()}}}{rest}"):
        check = SCHEME.read(verifier)
        assert check is not None
        assert check(b"secret")
        assert not check(b"Secret")


@pytest.mark.parametrize("value", ["", "!", "c2hvcnQ=", "YQ==" * 40])
def test_damaged(value: str) -> None:
    """A hash of another length, or no base64."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(f"{{SMD5}}{value}")


def test_how_strong_it_is() -> None:
    """Imported only when weak ones are asked for."""
    assert SCHEME.weak
