from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from mailward.errors import InputError
from mailward.message.private_key import octets_of, read_private_key, revealed, without_frames
from mailward.secret import Secret

KEY = ed25519.Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))


def test_every_form(tmp_path: Path) -> None:
    """Text, octets, Secret, file, and the object itself."""
    (tmp_path / "key").write_bytes(PEM)
    for given in (PEM, PEM.decode(), Secret(PEM.decode()), tmp_path / "key", KEY):
        read = read_private_key(given, None)
        assert isinstance(read, ed25519.Ed25519PrivateKey)
        assert read.public_key() == KEY.public_key()
    for passphrase in ("open", b"open", Secret("open")):
        assert isinstance(read_private_key(LOCKED, passphrase), ed25519.Ed25519PrivateKey)


@pytest.mark.parametrize(
    ("key", "passphrase", "told"),
    [
        (LOCKED, None, "it is encrypted: give passphrase="),
        (PEM, "open", "it is not encrypted: leave passphrase= out"),
        (LOCKED, "s3cret", "the passphrase is not its own"),
        (b"", None, "no private key"),
        ("key.pem", None, "pathlib"),
        (Path("missing"), None, "cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_told(key: bytes | str | Path, passphrase: str | None, told: str) -> None:
    """And what to do; the key and the passphrase are not told."""
    with pytest.raises(InputError) as caught:
        read_private_key(key, passphrase)

    assert told in f"{caught.value}: {caught.value.advice}"
    assert "s3cret" not in str(caught.value)


def test_without_frames() -> None:
    """The error is given back, and nothing in it leads to where the key was."""
    error = without_frames(read_private_key, LOCKED, "s3cret")

    assert isinstance(error, InputError)
    assert error.__traceback__ is error.__context__ is error.__cause__ is None
    assert "s3cret" not in "".join(traceback.format_exception(error))
    assert without_frames(octets_of, b"x", armour="-") == b"x"


def test_passphrases() -> None:
    """In every form they are octets in the end."""
    assert revealed(None) is None
    assert {revealed(each) for each in ("ä", "ä".encode(), Secret("ä"))} == {"ä".encode()}
