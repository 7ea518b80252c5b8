"""SCRAM as a server hears it: nobody without the password is ever proven, and no error but SaslError."""

from __future__ import annotations

from dataclasses import replace

from mailward.errors import SaslError
from mailward.sasl.mechanism import Answer, Challenge, ChannelBinding, FindKeys, Mechanism, ProofClaim, ScramKeys
from mailward.sasl.mechanisms import scram_sha_256, scram_sha_256_plus
from mailward.sasl.scram import fake_keys

_NONCE = "3rfcNHYJY1ZVvWVs7j"
_BINDING = ChannelBinding("tls-server-end-point", b"hash")
_FINAL = b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

SEEDS: list[bytes] = [
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL\n" + _FINAL,
    b"y,a=ad=2Cmin,n=us=3Der,r=fyko+d2lbbFgONRv9qkxdawL,x=1\n" + _FINAL,
    b"p=tls-server-end-point,,n=user,r=fyko+d2lbbFgONRv9qkxdawL\n"
    + _FINAL.replace(b"biws", b"cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzaA=="),
    b"n,,m=x,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "n,,n=\u05d0\u05d1,r=fyko+d2lbbFgONRv9qkxdawL".encode(),
]


def target(data: bytes) -> None:
    """One response a line, to both mechanisms."""
    for mechanism in (scram_sha_256.MECHANISM, scram_sha_256_plus.MECHANISM):
        _hear(mechanism, data.split(b"\n"))


def _keys(authcid: str) -> ScramKeys:
    """Of an account with two passwords and an old one, none of which anybody knows."""
    one, other, old = (fake_keys(secret, authcid, 4096) for secret in (b"one", b"other", b"old"))
    return replace(one, others=(other,), old=(old,))


def _hear(mechanism: Mechanism, responses: list[bytes]) -> None:
    exchange = mechanism.server(None, bindings=(_BINDING,), plus_offered=False, nonce=_NONCE)
    waiting = iter(responses)
    answer: Answer = None
    try:
        while True:
            item = exchange.send(answer)
            match item:
                case FindKeys(authcid):
                    if not authcid.isprintable():
                        raise AssertionError("a name that cannot be shown")
                    answer = _keys(authcid)
                case Challenge(data):
                    if data.startswith(b"v="):
                        raise AssertionError("a signature for somebody who does not know the password")
                    answer = next(waiting, b"")
    except SaslError:
        return
    except StopIteration as end:
        if not isinstance(end.value, ProofClaim) or end.value.proven or end.value.stale:
            raise AssertionError("proven without the password") from None
