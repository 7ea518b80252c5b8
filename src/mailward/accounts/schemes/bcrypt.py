"""bcrypt ($2a$, $2b$, $2y$), also as Django writes it: of the password, or of the SHA-256 of it."""

from __future__ import annotations

import hashlib
import re

from mailward.accounts import libcrypt
from mailward.accounts.scheme import Check, Scheme, unreadable

_FORM = re.compile(r"(bcrypt\$|bcrypt_sha256\$)?(\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53})")
_MINE = re.compile(r"(?:bcrypt(?:_sha256)?\$)?\$2")
_LEAST_COST, _MOST_COST = 4, 14  # 14: some 0.8 s
_LONGEST = 72


def _read(verifier: str) -> Check | None:
    if not _MINE.match(verifier):
        return None
    form = _FORM.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a bcrypt hash of the kinds 2a, 2b and 2y")
    prefix, text, cost = form.groups()
    if not _LEAST_COST <= int(cost) <= _MOST_COST:
        raise unreadable(f"it asks for a cost outside {_LEAST_COST} to {_MOST_COST}")
    hashed_first = prefix == "bcrypt_sha256$"
    return lambda password: _verify(text, password, hashed_first=hashed_first)


def _verify(verifier: str, password: bytes, *, hashed_first: bool) -> bool:
    """bcrypt looks at 72 octets only: of a longer password it would take any ending for right, so none is."""
    phrase = hashlib.sha256(password).hexdigest().encode() if hashed_first else password
    matches = libcrypt.matches(verifier, phrase[:_LONGEST])
    return matches and len(phrase) <= _LONGEST


SCHEME = Scheme(name="bcrypt", read=_read)
