"""OAUTHBEARER, XOAUTH2 and EXTERNAL as a server hears them: a claim fit to be judged, or SaslError after one error."""

from __future__ import annotations

import json
import re

from mailward.errors import SaslError
from mailward.sasl.mechanism import BearerClaim, Challenge, ExternalClaim, Mechanism
from mailward.sasl.mechanisms import external, oauthbearer, xoauth2

SEEDS: list[bytes] = [
    b"n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhb=\x01\x01",
    b"y,,\x01auth=bearer eyJhbGciOiJub25lIn0.e30.\x01\x01",
    b"n,a=a=2Cb=3D,\x01qs=x=y\x01auth=Bearer t\x01\x01",
    "n,a=jörg@example.test,\x01auth=Bearer t\x01\x01".encode(),
    b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01",
    b"user=\x01auth=Bearer \x01\x01\x01",
    "＂ad\u00admin＂".encode(),
    b"\x01",
]

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def target(data: bytes) -> None:
    """The whole input as the one response of each."""
    for mechanism in (oauthbearer.MECHANISM, xoauth2.MECHANISM, external.MECHANISM):
        _hear(mechanism, data)


def _hear(mechanism: Mechanism, data: bytes) -> None:
    exchange = mechanism.server(data, bindings=(), plus_offered=False, nonce="12345678")
    try:
        told = next(exchange)
        if not isinstance(told, Challenge) or not json.loads(told.data)["status"]:
            raise AssertionError("a broken message is told so in JSON")
        exchange.send(b"\x01")
        raise AssertionError("a broken message went on")
    except SaslError:
        return
    except StopIteration as end:
        _judge(end.value)


def _judge(claim: object) -> None:
    if isinstance(claim, BearerClaim):
        if not _TOKEN.fullmatch(claim.token.reveal()):
            raise AssertionError("a token that is none")
        names = claim.authcid + claim.authzid
    elif isinstance(claim, ExternalClaim):
        names = claim.authzid
    else:
        raise TypeError(f"no claim but {type(claim).__name__}")
    if not names.isprintable():
        raise AssertionError("a name that cannot be shown")
