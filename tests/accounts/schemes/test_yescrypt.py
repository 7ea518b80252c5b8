"""yescrypt and scrypt of crypt(3): published vectors, and costs that are refused before they are spent."""

from __future__ import annotations

import base64
import hashlib
import time

import pytest

from mailward.accounts.schemes.yescrypt import SCHEME
from mailward.errors import StoreError

DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SCRYPT = "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D"
TAIL = "$RbLe/.ytN7D1HirU5AUnB1$6vMDPm6cjmaOE.KU82GOCKKgdKareaJEJmIZss2W8K2"
YESCRYPT = "$y$j75" + TAIL
GOST = "$gy$j9T$sA/tVgj0xCJBDDINvr8Za.$8nXJdAUkdVLfr8i8MRRijChNGh2mDLCMTZvG5eJvpr7"


@pytest.mark.parametrize("verifier, password", [(SCRYPT, b"pleaseletmein"), (YESCRYPT, b"secret"), (GOST, b"secret")])
def test_known(verifier: str, password: bytes) -> None:
    """The vector of scrypt's crypt form, and what libxcrypt made of the other two."""
    check = SCHEME.read(verifier)

    assert check is not None
    assert check(password)
    assert not check(password + b"x")


def test_the_standard_library_agrees() -> None:
    """$7$ is the scrypt of RFC 7914, which hashlib has too: the same 32 octets, in another alphabet."""
    made = hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride", n=1 << 14, r=8, p=1, dklen=32)
    groups = [int.from_bytes(made[place : place + 3], "little") for place in range(0, 32, 3)]
    digits = "".join(DIGITS[group >> 6 * place & 63] for group in groups for place in range(4))[:43]

    assert SCRYPT.endswith(digits)
    assert len(base64.b64encode(made)) == 44


@pytest.mark.parametrize(
    "verifier",
    [
        "$y$jFT" + TAIL,
        "$y$jcT" + TAIL,
        "$y$j9z" + TAIL,
        "$y$k9T" + TAIL,
        "$y$j9T/" + TAIL,
        "$7$GU..../...." + TAIL,
        "$7$C6....z...." + TAIL,
        "$7$C6....zzzzz" + TAIL,
        "$7$C......./..." + TAIL,
        "$y$j9T$short$hash",
    ],
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Gibibytes, a thousand lanes, flavours nobody uses: told at once."""
    started = time.monotonic()
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)

    assert time.monotonic() - started < 0.1
