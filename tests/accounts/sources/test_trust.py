"""TLS to a source."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mailward.accounts.sources.trust import trusting
from mailward.errors import InvalidConfig
from tests.support.certificates import authority


def test_certificates_are_verified(tmp_path: Path) -> None:
    """Always: the chain and the name, with TLS 1.2 at least, also with a private CA."""
    (tmp_path / "ca.pem").write_bytes(authority().pem)

    for ca in ("", str(tmp_path / "ca.pem")):
        context = trusting("ldap", ca)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_ca_that_is_none(tmp_path: Path) -> None:
    """A file that is missing or holds no certificate is told at the start."""
    (tmp_path / "empty.pem").write_text("nothing")

    for name in ("gone.pem", "empty.pem"):
        with pytest.raises(InvalidConfig, match=name):
            trusting("ldap", str(tmp_path / name))
