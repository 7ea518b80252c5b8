"""scrypt (RFC 7914) as a PHC string (passlib's too), and as Django writes it."""

from __future__ import annotations

import hashlib
import hmac
import re

from mailward.accounts.scheme import Check, Scheme, check_scrypt, digest_of, number, octets, unreadable

_PHC = re.compile(r"\$scrypt\$ln=([0-9]+),r=([0-9]+),p=([0-9]+)\$([^$]*)\$([^$]*)")
_DJANGO = re.compile(r"scrypt\$([0-9]+)\$([^$]+)\$([0-9]+)\$([0-9]+)\$([^$]*)")
_MOST = 1 << 20


def _read(verifier: str) -> Check | None:
    if verifier.startswith("$scrypt$"):
        return _read_phc(verifier)
    if verifier.startswith("scrypt$"):
        return _read_django(verifier)
    return None


def _read_phc(verifier: str) -> Check:
    form = _PHC.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a scrypt PHC string")
    n_log2 = number(form[1], most=31, what="rounds (as a power of two)")
    return _check(n_log2, (form[2], form[3]), octets(form[4], what="salt"), digest_of(form[5]))


def _read_django(verifier: str) -> Check:
    form = _DJANGO.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a scrypt hash of Django's")
    rounds = number(form[1], most=_MOST, what="rounds")
    if rounds & (rounds - 1):
        raise unreadable("its rounds are not a power of two")
    return _check(rounds.bit_length() - 1, (form[3], form[4]), form[2].encode(), digest_of(form[5]))


def _check(n_log2: int, block_and_lanes: tuple[str, str], salt: bytes, digest: bytes) -> Check:
    r, p = (number(text, most=_MOST, what="blocks or lanes") for text in block_and_lanes)
    check_scrypt(n_log2, r, p)

    def check(password: bytes) -> bool:
        room = 128 * r * ((1 << n_log2) + p + 2) + (1 << 20)
        made = hashlib.scrypt(password, salt=salt, n=1 << n_log2, r=r, p=p, maxmem=room, dklen=len(digest))
        return hmac.compare_digest(made, digest)

    return check


SCHEME = Scheme(name="scrypt", read=_read)
