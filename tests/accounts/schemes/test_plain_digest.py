"""{SHA}, {SHA256}, {SHA512.HEX}, {LDAP-MD5}: what Dovecot makes of them."""

from __future__ import annotations

import pytest

from mailward.accounts.schemes.plain_digest import SCHEME
from tests.accounts.schemes.digests import DAMAGED, agrees_with_dovecot, refuses_damage


@pytest.mark.peer("dovecot")
@pytest.mark.parametrize("kind", ["SHA", "SHA256", "SHA512.HEX", "LDAP-MD5"])
def test_dovecot_agrees(kind: str) -> None:
    """It is read in any case of its name, and matches its password and no other."""
    agrees_with_dovecot(SCHEME, kind)


@pytest.mark.parametrize("value", DAMAGED)
def test_damaged(value: str) -> None:
    """A hash of another length, or no base64."""
    refuses_damage(SCHEME, "SHA", value)


def test_how_strong_it_is() -> None:
    """Imported only when weak ones are asked for."""
    assert SCHEME.weak
