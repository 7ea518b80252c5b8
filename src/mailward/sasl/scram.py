"""The keys and proofs of SCRAM (RFC 5802 §3, RFC 7677); what a server keeps is of SHA-256."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from mailward.errors import InputError
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.saslprep import prepare_password

# A guess against stolen SCRAM keys shall cost about the CPU time of one against the argon2id verifier kept beside
# them (both some 25 ms), or SCRAM would be the cheap way into a stolen database. (To a GPU it still is the cheaper
# of the two: PBKDF2 needs no memory.)
DEFAULT_ITERATIONS = 100_000
MIN_ITERATIONS = 4096  # RFC 7677 §4
MAX_ITERATIONS = 1_000_000  # what a hostile server may make a client work: some 0.3 s
SALT_OCTETS = 16  # real salts and fake ones look alike
PADDED_TO = 32  # keys that are checked at the least: the time tells nothing of how many passwords an account has

DEFAULT_HASH = "sha256"


def salted_password(password: str, salt: bytes, iterations: int, *, hash_name: str = DEFAULT_HASH) -> bytes:
    """The slow step. InputError for a password that SASLprep forbids."""
    return hashlib.pbkdf2_hmac(hash_name, prepare_password(password).encode(), salt, iterations)


def derive_keys(password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> ScramKeys:
    """What to store of `password`. salt: fresh, `SALT_OCTETS` long. Takes some 25 ms at the default iterations."""
    if not salt or not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise InputError(f"SCRAM needs a salt and {MIN_ITERATIONS} to {MAX_ITERATIONS} iterations", phase="auth")
    salted = salted_password(password, salt, iterations)
    return ScramKeys(salt, iterations, _stored_key(_client_key(salted)), server_key(salted))


def fake_keys(secret: bytes, authcid: str, iterations: int = DEFAULT_ITERATIONS) -> ScramKeys:
    """Keys nobody can prove, the same at every try, so that an unknown account looks like a known one.

    secret: the installation's own, kept for its life. authcid: in the spelling accounts are looked up by, because
    every spelling of a known account gets the same salt.
    """

    def made(purpose: bytes) -> bytes:
        return hmac.digest(secret, purpose + b"\0" + authcid.casefold().encode(), DEFAULT_HASH)

    return ScramKeys(made(b"salt")[:SALT_OCTETS], iterations, made(b"stored key"), made(b"server key"))


def barred_keys(keys: ScramKeys) -> ScramKeys:
    """The same salt and iterations, and no password that proves them, present or old: no hash is all zeros."""
    return replace(keys, stored_key=bytes(len(keys.stored_key)), others=(), old=(), silent=False)


def server_key(salted: bytes, *, hash_name: str = DEFAULT_HASH) -> bytes:
    return hmac.digest(salted, b"Server Key", hash_name)


def client_proof(salted: bytes, auth_message: bytes, *, hash_name: str = DEFAULT_HASH) -> bytes:
    key = _client_key(salted, hash_name)
    return _xor(key, hmac.digest(_stored_key(key, hash_name), auth_message, hash_name))


def proves(keys: ScramKeys, proof: bytes, auth_message: bytes) -> bool:
    """Whether `proof` (32 octets) was made with the password `keys` are of."""
    claimed_key = _xor(proof, hmac.digest(keys.stored_key, auth_message, DEFAULT_HASH))
    return hmac.compare_digest(_stored_key(claimed_key), keys.stored_key)


def proved(keys: ScramKeys, proof: bytes, auth_message: bytes) -> tuple[int | None, bool]:
    """With which of the passwords `proof` was made (0: `keys`, n: `others[n - 1]`), and whether with an old one.

    All are looked at and never fewer than `PADDED_TO`, so that the time is the same whichever it was, and for nobody.
    """
    current = (keys, *keys.others)
    every = (*current, *keys.old)
    padding = (barred_keys(keys),) * (-len(every) % PADDED_TO)
    right = [proves(one, proof, auth_message) for one in (*every, *padding)]
    which = right.index(True) if any(right) else len(current)
    return (which, False) if which < len(current) else (None, any(right[: len(every)]))


def server_signature(key: bytes, auth_message: bytes, *, hash_name: str = DEFAULT_HASH) -> bytes:
    return hmac.digest(key, auth_message, hash_name)


def _client_key(salted: bytes, hash_name: str = DEFAULT_HASH) -> bytes:
    return hmac.digest(salted, b"Client Key", hash_name)


def _stored_key(client_key: bytes, hash_name: str = DEFAULT_HASH) -> bytes:
    return hashlib.new(hash_name, client_key).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
