"""Verifiers of every scheme."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts import verifiers
from mailward.accounts.scheme import Scheme
from mailward.errors import StoreError

WEAK = {"MD5-CRYPT", "SMD5", "SHA", "LDAP-MD5", "SHA512.HEX"}
STRONG = {
    "ARGON2ID", "ARGON2I", "BLF-CRYPT", "CRYPT", "PBKDF2", "SHA256-CRYPT", "SHA512-CRYPT", "SSHA",
    "SSHA256.HEX", "SSHA512.B64", "SCRAM-SHA-256",
}  # fmt: skip
NOT_READ = [
    "",
    "plain",
    "{PLAIN}secret",
    "{CLEARTEXT}secret",
    "{PLAIN-MD5}x",
    "{CRAM-MD5}x",
    "rqXexS6ZhobKA",
    "$apr1$a$b",
    "x" * 5000,
]


@pytest.mark.peer("dovecot")
@pytest.mark.parametrize("kind", sorted(WEAK | STRONG))
def test_what_dovecot_makes(kind: str) -> None:
    """Every salted scheme of Dovecot's is read as `doveadm pw` writes it; weak ones are known as such."""
    made = subprocess.run(["doveadm", "pw", "-s", kind, "-p", "pass word"], check=True, capture_output=True, text=True)
    verifier = verifiers.read(made.stdout.strip())

    assert verifier.check(b"pass word")
    assert not verifier.check(b"pass words")
    assert verifier.weak is (kind in WEAK)


@pytest.mark.parametrize("text", [*NOT_READ, "$6$\udcff", "$2b$05$ü", "{SSHA}\n"])
def test_what_is_no_verifier(text: str) -> None:
    """Passwords in clear, unsalted relics and garbage: told without showing them."""
    with pytest.raises(StoreError, match="cannot be used") as caught:
        verifiers.read(text)

    assert "secret" not in str(caught.value)


def test_no_two_schemes_read_the_same() -> None:
    """Each verifier has one scheme, whatever order they are found in."""
    names = [scheme.name for scheme in verifiers.known()]
    texts = [
        "$argon2id$",
        "$2b$",
        "$6$",
        "$1$",
        "$y$",
        "$scrypt$",
        "pbkdf2_sha1$",
        "{SSHA}",
        "{SMD5}",
        "{SHA}",
        "{SCRAM-SHA-256}",
    ]

    assert len(set(names)) == len(names) == len(texts)
    for text in texts:
        assert sum(_reads(scheme, text) for scheme in verifiers.known()) == 1


def _reads(scheme: Scheme, text: str) -> bool:
    try:
        return scheme.read(text) is not None
    except StoreError:
        return True
