"""MD5-crypt ($1$), weak: some ten million guesses a second on one graphics card."""

from __future__ import annotations

import re

from mailward.accounts import libcrypt
from mailward.accounts.scheme import Check, Scheme, unreadable

_FORM = re.compile(r"\$1\$[^$:\s!*]{0,8}\$[./0-9A-Za-z]{22}")


def _read(verifier: str) -> Check | None:
    if not verifier.startswith("$1$"):
        return None
    if not _FORM.fullmatch(verifier):
        raise unreadable("it is not an MD5-crypt hash")
    return lambda password: libcrypt.matches(verifier, password)


SCHEME = Scheme(name="md5-crypt", read=_read, weak=True)
