"""A bearer token as a stranger shows it: read as one of the allowed algorithms, or BadToken; never another error."""

from __future__ import annotations

import base64

from mailward.accounts.signed_token import read, verifying_key
from mailward.accounts.token_claims import BadToken
from mailward.secret import Secret

_ALLOWED = ("RS256", "ES256", "EdDSA")

SEEDS: list[bytes] = [
    b'{"alg":"RS256","kid":"one","typ":"at+jwt"}',
    b'{"alg":"none"}',
    b'{"alg":"HS256","kid":"../../x"}',
    b'{"alg":"ES256","jku":"https://evil.example.test","x5c":["MIIB"],"crit":["b64"],"b64":false}',
    b'{"alg":"EdDSA","x":[[[[{}]]]]}',
    b'{"kty":"RSA","n":"AQAB","e":"AQAB","use":"sig","key_ops":["verify"]}',
    b'{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}',
]


def target(data: bytes) -> None:
    """The input as the header of a token, and as the whole of one."""
    header = base64.urlsafe_b64encode(data).decode().rstrip("=")
    for text in (f"{header}.e30.c2ln", data.decode("latin-1")):
        _read(text)
    verifying_key({"kty": "OKP", "crv": "Ed25519", "x": header})


def _read(text: str) -> None:
    try:
        token = read(Secret(text), _ALLOWED)
    except BadToken as problem:
        if not problem.reason.isprintable() or len(problem.reason) > 100:
            raise AssertionError("a reason that cannot be shown") from None
        return
    if token.algorithm not in _ALLOWED:
        raise AssertionError("an algorithm that is not allowed")
