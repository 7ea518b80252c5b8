"""A client's certificate: what may be given, what is read, and what no error says."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from mailward.client.authorities import empty_context
from mailward.client.client_certificate import ClientCertificate
from mailward.errors import InputError
from mailward.secret import Secret
from tests.support.certificates import issue

PAIR, OTHER = issue(), issue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    locked = PAIR.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    files = {"cert": PAIR.pem, "key": PAIR.key_pem, "other": OTHER.key_pem, "locked": locked, "junk": b"junk"}
    for name, octets in files.items():
        (tmp_path / f"{name}.pem").write_bytes(octets)
    (tmp_path / "both.pem").write_bytes(PAIR.key_pem + PAIR.pem)
    return tmp_path


def of(folder: Path, *names: str) -> ClientCertificate:
    paths = [folder / f"{name}.pem" for name in names]
    found = ClientCertificate.of(paths[0] if len(paths) == 1 else tuple(paths))
    assert found is not None
    return found


@pytest.mark.parametrize("names", [("cert", "key"), ("both",), ("both", "both")])
def test_what_can_be_loaded(folder: Path, names: tuple[str, ...]) -> None:
    """Two files, or one with both."""
    of(folder, *names).load_into(empty_context())


@pytest.mark.parametrize("password", ["open sesame", Secret("open sesame")], ids=["text", "secret"])
def test_a_key_with_a_password(folder: Path, password: str | Secret) -> None:
    """It is a Secret from the first moment, so that nothing prints it."""
    given = ClientCertificate.of((folder / "cert.pem", folder / "locked.pem", password))
    assert given is not None
    given.load_into(empty_context())

    assert "sesame" not in repr(given)
    assert ClientCertificate.of(given) is given


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("cert", "other"), "key values mismatch"),
        (("cert", "locked"), "bad decrypt|locked"),
        (("cert", "junk"), "junk"),
        (("junk", "key"), "junk"),
        (("cert",), "cert"),
        (("cert", "nothing"), "No such file"),
    ],
)
def test_what_cannot_be_loaded(folder: Path, names: tuple[str, ...], told: str) -> None:
    """The files are named with the reason, and OpenSSL asks nobody for a password."""
    with pytest.raises(InputError, match=told) as caught:
        of(folder, *names).load_into(empty_context())

    assert caught.value.phase == "options"


def test_a_wrong_password_is_not_told(folder: Path) -> None:
    """Neither by the error nor by what it came from."""
    given = ClientCertificate.of((folder / "cert.pem", folder / "locked.pem", "close sesame"))
    assert given is not None
    with pytest.raises(InputError) as caught:
        given.load_into(empty_context())

    assert "sesame" not in str(caught.value) + repr(caught.value.__dict__)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [7, ("a",), (), ("a", "b", "c", "d"), ("a", 7), ("a", "b", 7), b"a"])
def test_what_is_none(value: Any) -> None:
    """Refused as our own error."""
    with pytest.raises(InputError, match="cert="):
        ClientCertificate.of(value)


def test_the_stamp_of_its_files(folder: Path) -> None:
    """It changes with each of them, and is none while one is missing."""
    given = of(folder, "cert", "key")
    first = given.stamp()
    os.utime(folder / "key.pem", ns=(1, 1))
    second = given.stamp()

    assert first is not None
    assert first != second
    (folder / "cert.pem").unlink()
    assert given.stamp() is None
    assert ClientCertificate.of(None) is None
    assert isinstance(empty_context(), ssl.SSLContext)
