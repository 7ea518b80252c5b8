"""PLAIN and LOGIN as a server hears them: a claim fit to be looked up and shown, or SaslError."""

from __future__ import annotations

from mailward.errors import SaslError
from mailward.sasl.mechanism import Challenge, Mechanism, PasswordClaim
from mailward.sasl.mechanisms import login, plain

SEEDS: list[bytes] = [
    b"\0tim\0tanstaaftanstaaf",
    b"Ursel\0Kurt\0xipj3plmq",
    "\0jörg@example.test\0pässwörd".encode(),
    "\0＂ad\u00admin＂\0密码".encode(),
    "\0\u05d0\u05d1\0\u05d0a".encode(),
    b"\0user\0",
    b"\0\0",
    b"user\0pass",
]


def target(data: bytes) -> None:
    """The whole input as PLAIN, and cut at its first line feed as the two responses of LOGIN."""
    _hear(plain.MECHANISM, [data])
    _hear(login.MECHANISM, data.split(b"\n", 1))


def _hear(mechanism: Mechanism, responses: list[bytes]) -> None:
    exchange = mechanism.server(responses[0], bindings=(), plus_offered=False, nonce="12345678")
    try:
        item = next(exchange)
        for response in responses[1:]:
            item = exchange.send(response)
    except SaslError:
        return
    except StopIteration as end:
        _judge(end.value)
        return
    if item != Challenge(b"Password:"):
        raise AssertionError(item)


def _judge(claim: object) -> None:
    if not isinstance(claim, PasswordClaim):
        raise TypeError(f"no claim but {type(claim).__name__}")
    if not (claim.authcid and claim.password) or "\0" in claim.password.reveal():
        raise AssertionError("a claim without a name or a password")
    if not (claim.authcid.isprintable() and claim.authzid.isprintable()):
        raise AssertionError("a name that cannot be shown")
