"""{SCRAM-SHA-256}, Dovecot's name for the keys of RFC 7677: good for SCRAM, and for a password that is shown."""

from __future__ import annotations

import hashlib
import hmac
import re

from mailward.accounts.scheme import Check, Scheme, number, octets, unreadable
from mailward.sasl.mechanism import ScramKeys

_FORM = re.compile(r"\{SCRAM-SHA-256\}([0-9]+),([^,]+),([^,]+),([^,]+)", re.IGNORECASE)
_MINE = re.compile(r"\{SCRAM-SHA-256\}", re.IGNORECASE)
_LEAST_ITERATIONS, _MOST_ITERATIONS = 4096, 1_000_000


def keys_of(verifier: str) -> ScramKeys | None:
    """None: it is of another scheme. StoreError: it is damaged."""
    if not _MINE.match(verifier):
        return None
    form = _FORM.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not what Dovecot writes of SCRAM-SHA-256")
    iterations = number(form[1], least=_LEAST_ITERATIONS, most=_MOST_ITERATIONS, what="iterations")
    salt, stored, server = (octets(form[place], what="salt or key") for place in (2, 3, 4))
    if not salt or len(stored) != 32 or len(server) != 32:
        raise unreadable("its salt or a key has not the right length")
    return ScramKeys(salt, iterations, stored, server)


def _read(verifier: str) -> Check | None:
    keys = keys_of(verifier)
    if keys is None:
        return None

    def check(password: bytes) -> bool:
        salted = hashlib.pbkdf2_hmac("sha256", password, keys.salt, keys.iterations)
        made = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        return hmac.compare_digest(made, keys.stored_key)

    return check


SCHEME = Scheme(name="scram-sha-256", read=_read)
