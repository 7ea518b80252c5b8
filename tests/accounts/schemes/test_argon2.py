"""argon2, against the vectors of its reference implementation."""

from __future__ import annotations

import pytest

from mailward.accounts.schemes.argon2 import SCHEME
from mailward.errors import StoreError

REFERENCE = {
    "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA": True,
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": True,
    "argon2$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": True,
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$DTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": False,
    "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ": True,
}


@pytest.mark.parametrize("verifier", REFERENCE)
def test_the_reference_agrees(verifier: str) -> None:
    """Both versions of the algorithm and both kinds; Django's spelling; one changed character is another hash."""
    check = SCHEME.read(verifier)

    assert check is not None
    assert check(b"password") is REFERENCE[verifier]
    assert not check(b"passwore")


@pytest.mark.parametrize(
    "verifier",
    [
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=1048576,t=3,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=8,t=65,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=256,t=1,p=17$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHRzYWx0$aGFzaA",
        "$argon2id$v=19$m=256,t=1,p=1$c29t$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=18$m=256,t=1,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2x$v=19",
    ],
)
def test_too_much_and_damaged(verifier: str) -> None:
    """Costs past the bounds, a hash or salt too short to mean anything, and what is no PHC string are told."""
    with pytest.raises(StoreError, match="cannot be used"):
        SCHEME.read(verifier)


def test_others_are_left_alone() -> None:
    """A verifier of another scheme is none of its business."""
    assert SCHEME.read("$2b$05$x") is None
