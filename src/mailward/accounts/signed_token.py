"""A signed token (RFC 7515, RFC 7519): its header read with suspicion, its signature checked with one given key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from mailward.accounts.token_claims import BadToken
from mailward.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import Key
    from joserfc.jws import JWSRegistry

_FORM = re.compile(r"([A-Za-z0-9_-]{2,4096})\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,2048}")
_DEEPEST = 32  # brackets in a header, which is read before anybody has vouched for it
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})  # RFC 9068 §2.1; a logout token is not for logging in

# What each algorithm can be verified with (RFC 7518 §3.1, RFC 8037 §3.1): key type and curve.
_KEYS = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_LEAST_RSA_BITS, _MOST_RSA_BITS = 2048, 8192


class _Header(msgspec.Struct, frozen=True):
    """What is heeded. `jku`, `jwk`, `x5u` and `x5c` would let a token bring its own key: they are not even read."""

    alg: str
    kid: str | None = None
    typ: str = ""
    crit: Any = None


@dataclass(frozen=True, slots=True)
class SignedToken:
    """algorithm: one of those allowed. key_id: as the token says, to be compared and for nothing else."""

    algorithm: str
    key_id: str | None
    text: Secret


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key of the issuer. algorithm: the only one it is for, empty when it does not say."""

    key_id: str | None
    kind: str
    curve: str
    algorithm: str
    key: Key = field(repr=False)

    def fits(self, algorithm: str) -> bool:
        kind, curve = _KEYS.get(algorithm, ("RSA", ""))
        return self.algorithm in {"", algorithm} and self.kind == kind and self.curve == curve


def read(token: Secret, algorithms: tuple[str, ...]) -> SignedToken:
    """Nothing of it is believed yet. Raises BadToken."""
    match = _FORM.fullmatch(token.reveal())
    header = None if match is None else _header(match[1])
    if header is None:
        raise BadToken("it is no signed token")
    if header.alg not in algorithms:
        raise BadToken("its algorithm is not allowed")
    if header.crit is not None:
        raise BadToken("it demands an extension we do not know")
    if header.typ.lower() not in _TYPES:
        raise BadToken("it is another kind of token")
    return SignedToken(header.alg, header.kid, token)


def claims(token: SignedToken, key: VerifyingKey) -> dict[str, Any]:
    """What the holder of the private key has signed. Raises BadToken."""
    from joserfc.errors import JoseError  # noqa: PLC0415  # heavy, and only bearer tokens need it
    from joserfc.jws import deserialize_compact  # noqa: PLC0415

    try:
        signed = deserialize_compact(token.text.reveal(), key.key, registry=_registry(token.algorithm))
        return msgspec.json.decode(signed.payload, type=dict[str, Any])
    except JoseError:
        problem = "its signature is wrong"
    except (ValueError, TypeError, RecursionError):
        problem = "it is malformed"
    raise BadToken(problem)  # a new one: the frames of the old one hold the token


def verifying_key(jwk: object) -> VerifyingKey | None:
    """A key of a key set (RFC 7517); None for one that is of no use for us, whatever is the matter with it."""
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415

    if not isinstance(jwk, dict) or not _for_signatures(jwk):
        return None
    kind, key_id, algorithm, curve = (jwk.get(name, "") for name in ("kty", "kid", "alg", "crv"))
    if not all(isinstance(text, str) for text in (kind, key_id, algorithm, curve)) or kind not in _PUBLIC:
        return None
    if kind == "RSA" and not _well_sized(jwk.get("n")):
        return None
    try:
        key = JWKRegistry.import_key({"kty": kind, **{name: jwk[name] for name in _PUBLIC[kind]}})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return VerifyingKey(key_id or None, kind, "" if kind == "RSA" else curve, algorithm, key)


def _for_signatures(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _well_sized(modulus: object) -> bool:
    """Neither too short to be safe nor so long that a signature takes all day."""
    if not isinstance(modulus, str) or len(modulus) > _MOST_RSA_BITS // 6 + 1:
        return False
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)))
    except ValueError:
        return False
    return _LEAST_RSA_BITS <= number.bit_length() <= _MOST_RSA_BITS


@cache
def _registry(algorithm: str) -> JWSRegistry:
    """Of joserfc, for this one algorithm; headers nobody knows are ignored (RFC 7515 §4)."""
    from joserfc.errors import UnsupportedAlgorithmError  # noqa: PLC0415
    from joserfc.jws import JWSRegistry  # noqa: PLC0415

    class OneAlgorithm(JWSRegistry):
        max_header_length = 4096

        def get_alg(self, name: str) -> Any:
            if name != algorithm:
                raise UnsupportedAlgorithmError(f"not {algorithm}")
            return self.algorithms[name]

    return OneAlgorithm(strict_check_header=False)


def _header(segment: str) -> _Header | None:
    try:
        data = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        if data.count(b"[") + data.count(b"{") > _DEEPEST:
            return None
        return msgspec.json.decode(data, type=_Header)
    except (binascii.Error, ValueError):
        return None
