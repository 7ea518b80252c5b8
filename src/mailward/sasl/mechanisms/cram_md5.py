"""CRAM-MD5: a keyed MD5 of a challenge, which whoever hears it can guess; only where it is named (RFC 2195)."""

from __future__ import annotations

import hmac

from mailward.errors import InputError, MechanismUnavailable, SaslError
from mailward.sasl.cleartext import spoken
from mailward.sasl.mechanism import Credentials, Mechanism, SilentExchange

_LONGEST = 1024  # octets of a challenge; it is a message identifier


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    authzid, authcid, password = spoken(credentials)
    if authzid:
        raise InputError("CRAM-MD5 cannot carry an authorization identity", phase="auth")
    challenge = yield b""
    if not 0 < len(challenge) <= _LONGEST:
        raise SaslError(f"the CRAM-MD5 challenge is empty or longer than {_LONGEST} octets", phase="auth")
    yield authcid + b" " + _digest(password, challenge).encode("ascii")


def _digest(password: bytes, challenge: bytes) -> str:
    try:
        return hmac.digest(password, challenge, "md5").hex()
    except ValueError:
        problem = MechanismUnavailable("this system has no MD5 (FIPS), so no CRAM-MD5", phase="auth")
    raise problem  # outside the except block: the frames of the other hold the password


MECHANISM = Mechanism(
    name="CRAM-MD5", strength=7, by_name=("password",), reveals_password=True, server_first=True, client=client
)
