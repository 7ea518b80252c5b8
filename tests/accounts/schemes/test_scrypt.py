"""scrypt, against RFC 7914."""

from __future__ import annotations

import base64

import pytest

from mailward.accounts.schemes.scrypt import SCHEME
from mailward.errors import StoreError

RFC7914 = bytes.fromhex(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
)
HASH = base64.b64encode(RFC7914).decode()
PHC_SALT = base64.b64encode(b"SodiumChloride").decode().rstrip("=")
PHC = f"$scrypt$ln=14,r=8,p=1${PHC_SALT}${HASH.rstrip('=')}"
DJANGO = f"scrypt$16384$SodiumChloride$8$1${HASH}"


@pytest.mark.parametrize("verifier", [PHC, DJANGO])
def test_the_rfcs_vector(verifier: str) -> None:
    """§12, in the spelling of PHC and in Django's."""
    check = SCHEME.read(verifier)

    assert check is not None
    assert check(b"pleaseletmein")
    assert not check(b"pleaseletmeout")


@pytest.mark.parametrize(
    "verifier",
    [
        PHC.replace("ln=14", "ln=20"),
        PHC.replace("p=1", "p=1024"),
        PHC.replace("r=8", "r=1048576"),
        PHC.replace("ln=14", "ln=0"),
        PHC[:40],
        DJANGO.replace("16384", "16385"),
        DJANGO.replace("16384", "1048576"),
        DJANGO.replace("$8$", "$$"),
        PHC.replace("$" + PHC_SALT, "$!!"),
    ],
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Memory past 256 MiB, time past a second, N that is no power of two."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)
