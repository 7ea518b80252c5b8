"""What every scheme of a digest in braces is asked."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts.scheme import Scheme
from mailward.errors import StoreError

DAMAGED = ("", "!", "c2hvcnQ=", "YQ==" * 40)  # a hash of another length, or no base64


def agrees_with_dovecot(scheme: Scheme, kind: str) -> None:
    """What Dovecot makes is read in any case of its name, and matches its password and no other."""
    made = subprocess.run(["doveadm", "pw", "-s", kind, "-p", "secret"], check=True, capture_output=True, text=True)
    name, _, rest = made.stdout.strip().partition("}")
    for verifier in (f"{name}}}{rest}", f"{name.lower()}}}{rest}"):
        check = scheme.read(verifier)
        assert check is not None
        assert check(b"secret")
        assert not check(b"Secret")


def refuses_damage(scheme: Scheme, name: str, value: str) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        scheme.read(f"{{{name}}}{value}")
