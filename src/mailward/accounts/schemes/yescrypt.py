"""yescrypt ($y$), gost-yescrypt ($gy$) and scrypt ($7$) as crypt(3) writes them: /etc/shadow of newer systems."""

from __future__ import annotations

import re

from mailward.accounts import libcrypt
from mailward.accounts.scheme import Check, Scheme, check_scrypt, unreadable

_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SINGLE = r"[./0-9A-Za-j]"  # a number below 48 is one digit, and no use has a larger one
_TAIL = r"\$[./0-9A-Za-z]{0,86}\$[./0-9A-Za-z]{43}"
_YESCRYPT = re.compile(rf"\$g?y\$j({_SINGLE})({_SINGLE}){_TAIL}")
_SCRYPT = re.compile(r"\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})[./0-9A-Za-z]{0,86}\$[./0-9A-Za-z]{43}")


def _read(verifier: str) -> Check | None:
    if verifier.startswith("$7$"):
        _check_scrypt(verifier)
    elif verifier.startswith(("$y$", "$gy$")):
        _check_yescrypt(verifier)
    else:
        return None
    return lambda password: libcrypt.matches(verifier, password)


def _check_scrypt(verifier: str) -> None:
    form = _SCRYPT.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a scrypt hash")
    n_log2, r, p = (
        sum(_DIGITS.index(digit) << 6 * place for place, digit in enumerate(part)) for part in form.groups()
    )
    check_scrypt(n_log2, r, p)


def _check_yescrypt(verifier: str) -> None:
    form = _YESCRYPT.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a yescrypt hash with the usual parameters")
    n_log2, r = (_DIGITS.index(digit) + 1 for digit in form.groups())
    check_scrypt(n_log2, r, 1)


SCHEME = Scheme(name="yescrypt", read=_read)
