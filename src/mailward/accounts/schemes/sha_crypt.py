"""SHA-256-crypt ($5$) and SHA-512-crypt ($6$), as /etc/shadow and Dovecot's SHA512-CRYPT hold them."""

from __future__ import annotations

import re

from mailward.accounts import libcrypt
from mailward.accounts.scheme import Check, Scheme, number, unreadable

_FORM = re.compile(r"\$(?:5|6)\$(?:rounds=([0-9]{1,10})\$)?[^$:\s!*]{0,16}\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})")
_MOST_ROUNDS = 1_000_000


def _read(verifier: str) -> Check | None:
    if not verifier.startswith(("$5$", "$6$")):
        return None
    form = _FORM.fullmatch(verifier)
    if form is None or len(form[2]) != (43 if verifier[1] == "5" else 86):
        raise unreadable("it is not a SHA-crypt hash")
    if form[1] is not None:
        number(form[1], least=1000, most=_MOST_ROUNDS, what="rounds")
    return lambda password: libcrypt.matches(verifier, password)


SCHEME = Scheme(name="sha-crypt", read=_read)
