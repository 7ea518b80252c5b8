"""A context believes the authorities it is given, and says which of them cannot be read."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mailward.client.authorities import empty_context, trusting
from mailward.errors import InputError
from tests.support.certificates import authority


@pytest.mark.parametrize("context", [empty_context(), trusting(None), trusting(authority().pem)], ids=range(3))
def test_verification_is_always_on(context: ssl.SSLContext) -> None:
    """TLS 1.2 at least, a certificate required, its name checked, and not by the common name; no weak key or cipher."""
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.hostname_checks_common_name
    assert context.security_level >= 2
    assert not [cipher for cipher in context.get_ciphers() if cipher["auth"] == "auth-null"]


def test_only_what_is_given_is_trusted(tmp_path: Path) -> None:
    """A file, a directory of files, PEM octets and text, and DER octets."""
    (tmp_path / "a.pem").write_bytes(authority().pem)
    (tmp_path / "b.crt").write_bytes(authority("Other CA").der)
    (tmp_path / "notes.txt").write_text("not a certificate")

    def number(ca: str | Path | bytes) -> int:
        return len(trusting(ca).get_ca_certs())

    assert number(authority().pem) == 1
    assert number(authority().pem.decode()) == 1
    assert number(authority().der) == 1
    assert number(authority().pem + authority("Other CA").pem) == 2
    assert number(str(tmp_path / "a.pem")) == 1
    assert number(tmp_path / "b.crt") == 1
    assert number(tmp_path) == 2


@pytest.mark.parametrize("octets", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_octets_that_are_no_certificate(octets: bytes, tmp_path: Path) -> None:
    """They are refused at once, with the place they came from."""
    (tmp_path / "ca.pem").write_bytes(octets)
    with pytest.raises(InputError, match="octets"):
        trusting(octets)
    with pytest.raises(InputError, match=r"ca\.pem"):
        trusting(tmp_path / "ca.pem")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error names it, and so does the one for a directory without certificates."""
    with pytest.raises(InputError, match=r"nothing\.pem: No such file"):
        trusting(tmp_path / "nothing.pem")
    with pytest.raises(InputError, match=r"no \.pem, \.crt, \.cer file"):
        trusting(tmp_path)


@pytest.mark.parametrize("ca", ["", b""])
def test_an_empty_name_is_not_this_directory(ca: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset variable does not make authorities of whatever lies where the program was started."""
    monkeypatch.chdir(tmp_path)
    Path("planted.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(InputError) as caught:
        trusting(ca)
    assert "planted" not in caught.value.message


@pytest.mark.parametrize("ca", [False, 7, ["ca.pem"]])
def test_what_is_no_authority(ca: object) -> None:
    """A value of another kind is refused as our own error, not as a TypeError."""
    with pytest.raises(InputError, match="ca= must be a path"):
        trusting(ca)  # type: ignore[arg-type]
