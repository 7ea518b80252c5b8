from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, serialize_compact

from mailward.accounts.signed_token import VerifyingKey, claims, read, verifying_key
from mailward.accounts.token_claims import BadToken
from mailward.secret import Secret
from tests.support.identity_provider import forged

RSA = RSAKey.generate_key(2048)
ALL = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
KEYS: dict[str, Key] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "ES512": ECKey.generate_key("P-521"),
    **dict.fromkeys(("EdDSA", "Ed25519"), OKPKey.generate_key("Ed25519")),
}


def published(key: Key, **changed: Any) -> VerifyingKey:
    found = verifying_key({**key.as_dict(private=False), "kid": "one", **changed})
    assert found is not None
    return found


def signed(algorithm: str, key: Key, said: dict[str, Any] | None = None, **header: Any) -> Secret:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = 100_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA, which most issuers use
        text = jwt.encode({"alg": algorithm, "kid": "one", **header}, said or {"a": 1}, key, registry=registry)
    return Secret(text)


def short() -> dict[str, Any]:
    """A public key that is too short to be trusted."""
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505
    n = base64.urlsafe_b64encode(numbers.n.to_bytes(128)).decode().rstrip("=")
    return {"kty": "RSA", "n": n, "e": "AQAB"}


@pytest.mark.parametrize("algorithm", ALL)
def test_every_algorithm(algorithm: str) -> None:
    """Its token is read, its key fits, its claims are what was signed; one changed octet is noticed."""
    token = signed(algorithm, KEYS[algorithm], {"sub": "ann"})
    read_token = read(token, ALL)
    key = published(KEYS[algorithm])

    assert (read_token.algorithm, read_token.key_id) == (algorithm, "one")
    assert key.fits(algorithm)
    assert claims(read_token, key) == {"sub": "ann"}

    head, body, signature = token.reveal().split(".")
    other = base64.urlsafe_b64encode(b'{"sub":"bob"}').decode().rstrip("=")
    for changed in (f"{head}.{other}.{signature}", f"{head}.{body}.{'A' * len(signature)}", f"{head}.{body}.AAAA"):
        with pytest.raises(BadToken, match="signature is wrong"):
            claims(read(Secret(changed), ALL), key)


def test_a_key_fits_its_own_algorithms_only() -> None:
    """Kind, curve, and what it says it is for (RFC 8725 §3.1)."""
    assert {name for name in ALL if published(KEYS["RS256"]).fits(name)} == {n for n in ALL if n[:2] in {"RS", "PS"}}
    assert {name for name in ALL if published(KEYS["RS256"], alg="PS256").fits(name)} == {"PS256"}
    assert {name for name in ALL if published(KEYS["ES384"]).fits(name)} == {"ES384"}
    assert {name for name in ALL if published(KEYS["EdDSA"]).fits(name)} == {"EdDSA", "Ed25519"}


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS256", "HS512", "", "rs256", "RS1", "ES256K", "dir"])
def test_algorithms_that_are_not_allowed(alg: str) -> None:
    """S55, `alg: none` and its kind: refused before any key is looked for."""
    with pytest.raises(BadToken, match="algorithm is not allowed"):
        read(Secret(forged({"alg": alg}, {"sub": "ann"}, b"signature")), ALL)


def test_none_without_a_signature_is_no_token() -> None:
    """S55."""
    with pytest.raises(BadToken, match="no signed token"):
        read(Secret(forged({"alg": "none"}, {"sub": "ann"})), ALL)


def test_a_public_key_is_never_a_shared_secret() -> None:
    """S55: HS256 with the issuer's public key as the secret, under its own name and under the right one."""
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False)):
        token = signed("HS256", OctKey.import_key(base64.urlsafe_b64encode(secret).decode()))
        with pytest.raises(BadToken, match="algorithm is not allowed"):
            read(token, ALL)
        renamed = forged({"alg": "RS256", "kid": "one"}, {"a": 1}, token.reveal().encode()[-32:])
        with pytest.raises(BadToken, match="signature is wrong"):
            claims(read(Secret(renamed), ALL), published(RSA))


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example.test/keys"},
        {"x5u": "https://evil.example.test/chain"},
        {"jwk": RSAKey.generate_key(2048).as_dict(private=False)},
        {"x5c": ["MIIB"]},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_token_brings_no_key_of_its_own(header: dict[str, Any]) -> None:
    """S55: whoever made it signed it with the key its header names; only the issuer's set counts."""
    forger = RSAKey.generate_key(2048)

    with pytest.raises(BadToken, match="signature is wrong"):
        claims(read(signed("RS256", forger, **header), ALL), published(RSA))
    assert claims(read(signed("RS256", RSA, **header), ALL), published(RSA)) == {"a": 1}


@pytest.mark.parametrize("kid", ["../../x", "/dev/null", "x' OR '1'='1", "\0", "https://evil.example.test"])
def test_a_key_id_is_only_a_name(kid: str) -> None:
    """S55: told as it is, for comparison."""
    assert read(signed("RS256", RSA, kid=kid), ALL).key_id == kid


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"])
def test_types_that_are_for_logging_in(typ: str) -> None:
    """RFC 9068 §2.1, in any case."""
    assert read(signed("RS256", RSA, typ=typ), ALL).algorithm == "RS256"


@pytest.mark.parametrize(
    "header, why",
    [
        ({"typ": "logout+jwt"}, "another kind"),
        ({"typ": "dpop+jwt"}, "another kind"),
        ({"crit": ["exp"]}, "extension"),
        ({"crit": ["b64"], "b64": False}, "extension"),
        ({"kid": 7}, "no signed token"),
        ({"typ": ["JWT"]}, "no signed token"),
        ({"x": "y" * 4000}, "no signed token"),
        ({"x": [[[[[[[[]]]]]]]] * 8}, "no signed token"),
    ],
)
def test_headers_that_are_refused(header: dict[str, Any], why: str) -> None:
    """Another kind of token, an extension, a wrong type, too much."""
    with pytest.raises(BadToken, match=why):
        read(Secret(forged({"alg": "RS256", **header}, {"a": 1}, b"signature")), ALL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "e30.e30.e30",
        "e30.e30",
        "a.b.c.d.e",
        "eyJhbGciOiJSUzI1NiJ9.e30.",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln=",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln\n",
        " eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "eyJhbGciOiJSUzI1NiJ9 .e30.c2ln",
        "opaque-token",
        "W10.e30.c2ln",
        "A" * 12_288,
        base64.urlsafe_b64encode(b'{"alg":' + b"[" * 2000).decode().rstrip("=") + ".e30.c2ln",
        base64.urlsafe_b64encode(b'{"alg":"RS256","x":' + b'{"x":' * 500).decode().rstrip("=") + ".e30.c2ln",
        base64.urlsafe_b64encode(b'{"alg":"RS256\xff"}').decode().rstrip("=") + ".e30.c2ln",
    ],
)
def test_what_is_no_signed_token(text: str) -> None:
    """Refused without another error, however deep its brackets go."""
    with pytest.raises(BadToken, match="no signed token"):
        read(Secret(text), ALL)


@pytest.mark.parametrize("payload", [b"[]", b"", b"{", b"\xff", b'{"exp": NaN}', b'{"a":' * 5000, b"7"])
def test_a_signed_payload_that_is_no_object(payload: bytes) -> None:
    """Even the issuer can be wrong."""
    token = serialize_compact({"alg": "RS256"}, payload, RSA)
    with pytest.raises(BadToken, match=r"malformed|no signed token"):
        claims(read(Secret(token), ALL), published(RSA))


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        "key",
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 7, "e": "AQAB"},
        {"kty": "RSA", "n": "!!", "e": "AQAB"},
        {"kty": ["RSA"]},
        {"kty": "PQ", "x": "AA"},
        {**RSA.as_dict(private=False), "use": "enc"},
        {**RSA.as_dict(private=False), "use": ["sig"]},
        {**RSA.as_dict(private=False), "key_ops": ["encrypt"]},
        {**RSA.as_dict(private=False), "key_ops": 7},
        {**RSA.as_dict(private=False), "kid": 7},
        {**RSA.as_dict(private=False), "alg": 7},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        short(),
    ],
)
def test_keys_that_are_of_no_use(jwk: object) -> None:
    """A shared secret, another use, damage, too short: ignored, and the others of the set still count."""
    assert verifying_key(jwk) is None


def test_only_the_public_half_is_kept() -> None:
    """Whatever an issuer publishes by mistake."""
    key = verifying_key({**RSA.as_dict(private=True), "kid": "one"})

    assert key is not None
    assert "d" not in key.key.as_dict()
    assert str(RSA.as_dict()["n"]) not in repr(key)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda data: json.dumps(data.decode("latin-1"))))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """No other error."""
    header = base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")
    for token in (text, f"{header}.e30.c2ln"):
        with pytest.raises(BadToken):
            read(Secret(token), ALL)
