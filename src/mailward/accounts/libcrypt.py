"""crypt(3) of the system's libcrypt, by its thread-safe `crypt_r`; the interpreter's lock is free meanwhile."""

from __future__ import annotations

import ctypes
import hmac
from functools import cache
from typing import Any

from mailward.errors import StoreError

_LONGEST_PHRASE = 511  # what libxcrypt takes
_STATE = 256 * 1024  # `struct crypt_data` has 128 KiB in glibc, 32 KiB in libxcrypt, less in musl
_NAMES = ("libcrypt.so.1", "libcrypt.so.2", None)  # None: this process, where the C library itself has it (musl)
_ABSENT = "the password schemes of crypt(3) need the library libcrypt, and this machine has none"


def matches(verifier: str, password: bytes) -> bool:
    """Whether crypt(3) makes `verifier` of `password`. StoreError: the library is not there, or cannot do this kind.

    A password that no crypt(3) takes whole (a NUL in it, more than 511 octets) is wrong, after the same work.
    """
    whole = b"\0" not in password and len(password) <= _LONGEST_PHRASE
    made = _crypt(password if whole else b"-", verifier.encode("ascii"))
    return hmac.compare_digest(made, verifier.encode("ascii")) and whole


def _crypt(phrase: bytes, setting: bytes) -> bytes:
    function = _library().crypt_r
    state = ctypes.create_string_buffer(_STATE)
    made = bytes(function(phrase, setting, state) or b"*")
    ctypes.memset(state, 0, _STATE)  # libxcrypt keeps the password in it
    if made.startswith(b"*"):
        raise StoreError(
            "this machine's libcrypt does not understand the stored verifier of the account",
            phase="auth",
            advice="set the account's password again: mailward user passwd; or install libxcrypt 4.4 or newer",
        )
    return made


@cache
def _library() -> Any:
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
            function = library.crypt_r
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        function.restype = ctypes.c_char_p
        return library
    raise StoreError(_ABSENT, phase="auth", advice="install libxcrypt (Debian: libcrypt1)")
