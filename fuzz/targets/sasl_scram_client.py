"""SCRAM as a client hears it: no server without the password is ever believed, and no error but SaslError."""

from __future__ import annotations

import re

from mailward.errors import SaslError
from mailward.sasl.mechanism import Credentials, finish, respond
from mailward.sasl.mechanisms import scram_sha_256
from mailward.secret import Secret

_NONCE = "rOprNGfwEbeRWgbNEkqO"
_CREDENTIALS = Credentials("user", Secret("pencil"))
_SLOW = re.compile(rb",i=(?!4[0-9]{3}(?![0-9]))[0-9]{4}")  # legal, but each would take far longer than the rest
_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

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
    """One challenge a line, then success."""
    if _SLOW.search(data):
        return
    exchange = scram_sha_256.MECHANISM.client(_CREDENTIALS, binding=None, server_offers_plus=False, nonce=_NONCE)
    next(exchange)
    try:
        for challenge in data.split(b"\n"):
            respond(exchange, challenge)
        finish(exchange)
    except SaslError:
        return
    if b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" not in data:
        raise AssertionError("believed a server that does not know the password")
