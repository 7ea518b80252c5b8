"""The system's crypt(3)."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailward.accounts import libcrypt
from mailward.errors import StoreError

VERIFIER = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
CANARY = b"canary-horse-battery-7"


def test_many_threads() -> None:
    """Right and wrong passwords at once in eight threads never meet: each has its own state."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: libcrypt.matches(VERIFIER, b"Hello world!" if n % 2 else b"no"), range(64)))

    assert answers == [bool(n % 2) for n in range(64)]


def test_what_crypt_cannot_take_whole_is_wrong() -> None:
    """A NUL, and what is longer than it takes."""
    for password in (b"Hello world!\0", b"\0", b"x" * 512, b"x" * 100_000):
        assert not libcrypt.matches(VERIFIER, password)


def test_an_unknown_kind_is_told() -> None:
    """What the library does not know is no wrong password."""
    with pytest.raises(StoreError, match="does not understand"):
        libcrypt.matches("$nope$x$y", CANARY)


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no libcrypt, the message says so, and what to install."""
    libcrypt._library.cache_clear()
    monkeypatch.setattr(libcrypt, "_NAMES", ("libmailward-has-none.so.1",))
    with pytest.raises(StoreError, match="this machine has none") as caught:
        libcrypt.matches(VERIFIER, CANARY)
    libcrypt._library.cache_clear()

    assert "libxcrypt" in caught.value.advice
    assert "canary" not in "".join(traceback.format_exception(caught.value))
