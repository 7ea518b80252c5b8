"""Whose certificates are believed, and how a bad `ca=` is told."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mailward.client.trust import Trust
from mailward.errors import InputError
from tests.support.certificates import authority


def subjects(trust: Trust) -> int:
    return len(trust.context.get_ca_certs())


@pytest.mark.parametrize("trust", [Trust(None), Trust(authority().pem)], ids=["system", "given"])
def test_verification_is_always_on(trust: Trust) -> None:
    """TLS 1.2 at least, a certificate required, its name checked, and not by the common name."""
    context = trust.context

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.hostname_checks_common_name


def test_only_what_is_given_is_trusted(tmp_path: Path) -> None:
    """A file, a directory of files, PEM octets and DER octets."""
    (tmp_path / "a.pem").write_bytes(authority().pem)
    (tmp_path / "b.crt").write_bytes(authority("Other CA").der)
    (tmp_path / "notes.txt").write_text("not a certificate")

    assert subjects(Trust(authority().pem)) == 1
    assert subjects(Trust(authority().der)) == 1
    assert subjects(Trust(authority().pem + authority("Other CA").pem)) == 2
    assert subjects(Trust(str(tmp_path / "a.pem"))) == 1
    assert subjects(Trust(tmp_path / "b.crt")) == 1
    assert subjects(Trust(tmp_path)) == 2
    assert Trust(tmp_path).verified_by == "ca="
    assert Trust(None).verified_by == "system CAs"


def test_the_system_is_read_once_and_late() -> None:
    """A client that never speaks TLS pays nothing; one that does, pays once."""
    trust = Trust(None)

    assert trust._context is None
    assert trust.context is trust.context


def test_a_second_look_trusts_the_same_authorities() -> None:
    """Only the name is not looked at."""
    trust = Trust(authority().pem)
    second = trust.for_any_name()

    assert second.verify_mode is ssl.CERT_REQUIRED
    assert not second.check_hostname
    assert second.get_ca_certs(binary_form=True) == trust.context.get_ca_certs(binary_form=True)
    assert trust.context.check_hostname


@pytest.mark.parametrize("octets", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_octets_that_are_no_certificate(octets: bytes, tmp_path: Path) -> None:
    """They are refused at once, with the place they came from."""
    (tmp_path / "ca.pem").write_bytes(octets)
    with pytest.raises(InputError, match="octets"):
        Trust(octets)
    with pytest.raises(InputError, match=r"ca\.pem"):
        Trust(tmp_path / "ca.pem")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error names it, and so does the one for a directory without certificates."""
    with pytest.raises(InputError, match=r"nothing\.pem: No such file"):
        Trust(tmp_path / "nothing.pem")
    with pytest.raises(InputError, match=r"no \.pem, \.crt, \.cer file"):
        Trust(tmp_path)


@pytest.mark.parametrize("ca", [False, 7, ["ca.pem"]])
def test_what_is_no_authority(ca: object) -> None:
    """A value of another kind is refused as our own error, not as a TypeError."""
    with pytest.raises(InputError, match="ca= must be a path"):
        Trust(ca)  # type: ignore[arg-type]
