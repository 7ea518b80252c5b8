"""One hash of password and salt, as LDAP (RFC 2307) and Dovecot write it: {SSHA}, {SHA512}, {SMD5.HEX} …"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from mailward.accounts.scheme import Check, octets, unreadable

_FORM = re.compile(r"\{([A-Z0-9-]+)(?:\.(B64|BASE64|HEX))?\}(.*)", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){1,512}")
_LONGEST_SALT = 64


def read(verifier: str, algorithms: Mapping[str, str], *, salted: bool) -> Check | None:
    """algorithms: the schemes' names, in capitals, and the hash of each. `Scheme.read` otherwise."""
    form = _FORM.fullmatch(verifier)
    algorithm = algorithms.get(form[1].upper()) if form else None
    if form is None or algorithm is None:
        return None
    value = _hexadecimal(form[3]) if (form[2] or "").upper() == "HEX" else octets(form[3])
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    digest, salt = value[:size], value[size:]
    if len(digest) < size or bool(salt) != salted or len(salt) > _LONGEST_SALT:
        raise unreadable("its hash has not the length of its scheme")

    def check(password: bytes) -> bool:
        made = hashlib.new(algorithm, password + salt, usedforsecurity=False).digest()
        return hmac.compare_digest(made, digest)

    return check


def _hexadecimal(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise unreadable("its hash is not hexadecimal")
    return bytes.fromhex(text)
