"""PBKDF2 (RFC 8018) in its many spellings: PHC, passlib's, Django's, and Dovecot's {PBKDF2}."""

from __future__ import annotations

import hashlib
import hmac
import re

from mailward.accounts.scheme import Check, Scheme, digest_of, number, octets, unreadable

_HASHES = {"": "sha1", "-sha1": "sha1", "-sha256": "sha256", "-sha512": "sha512"}
_PHC = re.compile(r"\$pbkdf2(-sha1|-sha256|-sha512|)\$(?:i=)?([0-9]+)(?:,l=([0-9]+))?\$([^$]*)\$([^$]*)")
_DJANGO = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$([0-9]+)\$([^$]+)\$([^$]*)")
_DOVECOT = re.compile(r"\{PBKDF2\}\$1\$([^$]+)\$([0-9]+)\$([0-9A-Fa-f]{40})", re.IGNORECASE)
_MOST_ITERATIONS = 2_000_000  # some 0.6 s with SHA-256


def _read(verifier: str) -> Check | None:
    if verifier.startswith("$pbkdf2"):
        return _read_phc(verifier)
    if verifier.startswith("pbkdf2_"):
        return _read_django(verifier)
    if verifier[:8].upper() == "{PBKDF2}":
        return _read_dovecot(verifier)
    return None


def _read_phc(verifier: str) -> Check:
    form = _PHC.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a PBKDF2 string of PHC or passlib")
    digest = digest_of(form[5])
    if form[3] is not None and int(form[3]) != len(digest):
        raise unreadable("its hash has not the length it says")
    return _check(_HASHES[form[1]], form[2], octets(form[4], what="salt"), digest)


def _read_django(verifier: str) -> Check:
    form = _DJANGO.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a PBKDF2 hash of Django's")
    return _check(form[1], form[2], form[3].encode(), digest_of(form[4]))


def _read_dovecot(verifier: str) -> Check:
    form = _DOVECOT.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not a PBKDF2 hash of Dovecot's")
    return _check("sha1", form[2], form[1].encode(), bytes.fromhex(form[3]))


def _check(algorithm: str, iterations: str, salt: bytes, digest: bytes) -> Check:
    rounds = number(iterations, most=_MOST_ITERATIONS, what="iterations")

    def check(password: bytes) -> bool:
        return hmac.compare_digest(hashlib.pbkdf2_hmac(algorithm, password, salt, rounds, len(digest)), digest)

    return check


SCHEME = Scheme(name="pbkdf2", read=_read)
