"""SCRAM as a client hears it: no server without the password is ever believed, and no error but SaslError."""

from __future__ import annotations

import re

from mailward.errors import SaslError
from mailward.sasl.mechanism import ChannelBinding, Credentials, Mechanism, finish, refused, respond
from mailward.sasl.mechanisms import scram_sha_1, scram_sha_256, scram_sha_512_plus
from mailward.secret import Secret

_NONCE = "rOprNGfwEbeRWgbNEkqO"
_CREDENTIALS = Credentials("user", Secret("pencil"))
_SLOW = re.compile(rb",i=(?!4[0-9]{3}(?![0-9]))[0-9]{4}")  # legal, but each would take far longer than the rest
_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

_BINDING = ChannelBinding("tls-server-end-point", b"hash")
# Of what SEEDS begin with; the two others have no signature that anybody could guess.
_SIGNATURES = {"SCRAM-SHA-256": b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}

SEEDS: list[bytes] = [
    _FIRST + b"\nv=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
    _FIRST + b",x=1\nv=AAAA\n",
    _FIRST + b"\ne=invalid-proof",
    _FIRST + b"\n\n",
    b"r=rOprNGfwEbeRWgbNEkqOx,s=QQ==,i=4095",
    b"m=x," + _FIRST,
    b"e=unknown-user",
    b"",
]


def target(data: bytes) -> None:
    """One challenge a line, then success; of the hashes one by each input, for each takes its time."""
    if _SLOW.search(data):
        return
    mechanisms = (scram_sha_256.MECHANISM, scram_sha_1.MECHANISM, scram_sha_512_plus.MECHANISM)
    _hear(mechanisms[len(data) % 3], data)


def _hear(mechanism: Mechanism, data: bytes) -> None:
    exchange = mechanism.client(_CREDENTIALS, binding=_BINDING, server_offers_plus=True, nonce=_NONCE)
    next(exchange)
    try:
        for challenge in data.split(b"\n"):
            respond(exchange, challenge)
            if challenge.startswith(b"e="):
                if not refused(exchange).isprintable():
                    raise AssertionError("an error that cannot be shown")
                return
        finish(exchange)
    except SaslError:
        return
    if _SIGNATURES.get(mechanism.name, b"none") not in data:
        raise AssertionError("believed a server that does not know the password")
