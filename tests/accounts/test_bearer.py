from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from mailward.accounts.bearer import BadToken, BearerAnswer, BearerSettings, BearerValidator, open_bearer
from mailward.errors import AuthUnavailable
from mailward.sasl.bearer_message import MAX_TOKEN
from mailward.secret import Secret
from tests.support.identity_provider import ANN, AUDIENCE, CLIENT, Answer, IdentityProvider, forged, identity_provider

NOW = 1_700_000_000.0


class Clock:
    """Both clocks, moved together by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with identity_provider(tmp_path_factory.mktemp("bearer")) as provider:
        yield provider


@pytest.fixture
def peer(running: IdentityProvider) -> IdentityProvider:
    for changed in (running.asked, running.answers, running.tokens, running.forms):
        changed.clear()
    running.published = ["rsa", "ec", "ed"]
    running.issuer = ""
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def validator(peer: IdentityProvider, clock: Clock, **changed: Any) -> AsyncIterator[BearerValidator]:
    whole = {"issuer": peer.url, "audience": AUDIENCE, "scopes": frozenset({"mail"}), "ca": str(peer.ca), **changed}
    opened = open_bearer(BearerSettings(**whole), now=clock, monotonic=clock)
    try:
        yield opened
    finally:
        await opened.close()


def introspecting(peer: IdentityProvider) -> dict[str, Any]:
    return {"introspection": peer.introspection, "client_id": CLIENT[0], "client_secret": Secret(CLIENT[1])}


@pytest.mark.asyncio
@pytest.mark.parametrize("alg, key", [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec")])
async def test_a_good_token(peer: IdentityProvider, clock: Clock, alg: str, key: str) -> None:
    """Discovery, keys, signature, claims, over HTTPS; the second time nobody is asked and nothing is verified."""
    token = Secret(peer.token(peer.claims(NOW), alg=alg, key=key))
    async with validator(peer, clock) as bearer:
        answer = await bearer.validate(token)
        assert answer == BearerAnswer(ANN, peer.url, frozenset({"openid", "mail"}), NOW + 3600)
        peer.answers["/keys"] = Answer(b"", 500)
        assert await bearer.validate(token) is answer

    assert peer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"aud": "other"}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"iss": "https://evil.example.test"}, "another issuer"),
        ({"exp": int(NOW) - 60}, "has expired"),
        ({"nbf": int(NOW) + 60}, "not valid yet"),
        ({"iat": int(NOW) + 60}, "in the future"),
        ({"scope": "openid"}, "scope"),
        ({"email": None}, "no email"),
        ({"email_verified": False}, "not verified"),
    ],
)
async def test_what_is_wrong_with_a_token(
    peer: IdentityProvider, clock: Clock, changed: dict[str, Any], reason: str
) -> None:
    """S55: well signed by the right key, and refused."""
    async with validator(peer, clock) as bearer:
        with pytest.raises(BadToken, match=reason):
            await bearer.validate(Secret(peer.token(peer.claims(NOW, **changed))))


@pytest.mark.asyncio
async def test_forgeries(peer: IdentityProvider, clock: Clock) -> None:
    """S55: no signature, a shared secret made of the public key, a stranger's key, and keys that the header brings."""
    claims = peer.claims(NOW)
    stranger = RSAKey.generate_key(2048)
    known = peer.keys["rsa"]
    assert isinstance(known, RSAKey)
    public = OctKey.import_key(base64.urlsafe_b64encode(known.as_pem(private=False)).decode())
    forgeries = [
        forged({"alg": "none"}, claims),
        forged({"alg": "none"}, claims, b"x"),
        forged({"alg": "None", "kid": "rsa"}, claims, b"x"),
        jwt.encode({"alg": "HS256", "kid": "rsa"}, claims, public, algorithms=["HS256"]),
        jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": "../../x"}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": "rsa", "jwk": stranger.as_dict(private=False)}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": "x", "jku": f"{peer.url}/evil"}, claims, stranger),
        "opaque",
        "",
        "x" * 65_536,
        "é.é.é",
    ]
    async with validator(peer, clock) as bearer:
        for text in forgeries:
            with pytest.raises(BadToken):
                await bearer.validate(Secret(text))

    assert set(peer.asked) <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.asyncio
async def test_the_longest_token_is_judged(peer: IdentityProvider, clock: Clock) -> None:
    """Just under 12 KiB are one, more are none."""
    token = peer.token(peer.claims(NOW, groups=["g" * 9] * 600))
    assert 9_000 < len(token) < MAX_TOKEN
    async with validator(peer, clock) as bearer:
        assert (await bearer.validate(Secret(token))).account == ANN


@pytest.mark.asyncio
async def test_a_bad_token_is_remembered_for_a_while(peer: IdentityProvider, clock: Clock) -> None:
    """Early is not for ever: after half a minute it is judged again."""
    token = Secret(peer.token(peer.claims(NOW, nbf=int(NOW) + 40)))
    async with validator(peer, clock) as bearer:
        with pytest.raises(BadToken, match="not valid yet"):
            await bearer.validate(token)
        clock.time += 15
        with pytest.raises(BadToken, match="not valid yet"):
            await bearer.validate(token)
        clock.time += 15
        assert (await bearer.validate(token)).account == ANN


@pytest.mark.asyncio
async def test_a_kept_answer_ends_with_the_token(peer: IdentityProvider, clock: Clock) -> None:
    """The cache does not outlive what it is about."""
    token = Secret(peer.token(peer.claims(NOW, exp=int(NOW) + 20)))
    async with validator(peer, clock, leeway=0.0) as bearer:
        await bearer.validate(token)
        clock.time += 19
        await bearer.validate(token)
        clock.time += 1
        with pytest.raises(BadToken, match="has expired"):
            await bearer.validate(token)


@pytest.mark.asyncio
async def test_key_rotation(peer: IdentityProvider, clock: Clock) -> None:
    """A token by the new key works within a minute, one by the old key no longer."""
    old = Secret(peer.token(peer.claims(NOW, jti="other")))
    async with validator(peer, clock) as bearer:
        await bearer.validate(Secret(peer.token(peer.claims(NOW))))
        peer.rotate("rsa", "newer")
        clock.time += 60
        new = Secret(peer.token(peer.claims(NOW), key="newer"))
        assert (await bearer.validate(new)).account == ANN
        with pytest.raises(BadToken, match="no such key"):
            await bearer.validate(old)


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"{}", 302, {"Location": "/keys"}),
        Answer(b"{}", 500),
        Answer(b"{"),
        Answer(b" " * 262_145),
        Answer(b"{}" * 200, slowly=0.05),
        Answer(b"{}", wait=0.5),
    ],
    ids=["redirect", "500", "no JSON", "huge", "slow", "silent"],
)
async def test_a_provider_out_of_order(peer: IdentityProvider, clock: Clock, path: str, answer: Answer) -> None:
    """Nobody can tell whether the token is good: never its bearer's failure, and forgotten when it is well again."""
    token = Secret(peer.token(peer.claims(NOW)))
    peer.answers[path] = answer
    async with validator(peer, clock, timeout=0.25) as bearer:
        with pytest.raises(AuthUnavailable):
            await bearer.validate(token)
        peer.answers.clear()
        clock.time += 10
        assert (await bearer.validate(token)).account == ANN


@pytest.mark.asyncio
async def test_a_provider_that_is_somebody_else(peer: IdentityProvider, clock: Clock) -> None:
    """Its document names another issuer (RFC 8414 §3.3)."""
    peer.issuer = "https://evil.example.test"
    async with validator(peer, clock) as bearer:
        with pytest.raises(AuthUnavailable, match="another issuer"):
            await bearer.validate(Secret(peer.token(peer.claims(NOW))))


@pytest.mark.asyncio
async def test_many_at_once(peer: IdentityProvider, clock: Clock) -> None:
    """Fifty first logins: the keys are fetched once."""
    tokens = [Secret(peer.token(peer.claims(NOW, jti=str(number)))) for number in range(50)]
    async with validator(peer, clock) as bearer:
        answers = await asyncio.gather(*map(bearer.validate, tokens))

    assert {answer.account for answer in answers} == {ANN}
    assert peer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.asyncio
async def test_introspection(peer: IdentityProvider, clock: Clock) -> None:
    """Opaque tokens: the issuer is asked, with our credentials, and the answer is held against the same rules."""
    said = {"active": True, "aud": AUDIENCE, "scope": "mail", "username": "Ann", "exp": NOW + 10}
    peer.tokens.update(
        {
            "good": said,
            "off": {"active": False},
            "other": {**said, "aud": "other"},
            "old": {**said, "exp": NOW - 100},
            "narrow": {**said, "scope": "openid"},
            "foreign": {**said, "iss": "https://evil.example.test"},
            "nobody": {name: value for name, value in said.items() if name != "username"},
        }
    )
    async with validator(peer, clock, account_claim="username", **introspecting(peer)) as bearer:
        assert (await bearer.validate(Secret("good"))).account == "ann"
        for token in ("off", "other", "old", "narrow", "foreign", "nobody", "unknown"):
            with pytest.raises(BadToken):
                await bearer.validate(Secret(token))

    assert peer.forms[0] == {"token": ["good"], "token_type_hint": ["access_token"]}


@pytest.mark.asyncio
async def test_introspection_is_cached_for_five_minutes(peer: IdentityProvider, clock: Clock) -> None:
    """A token that was revoked works no longer than that."""
    peer.tokens["good"] = {"active": True, "aud": AUDIENCE, "scope": "mail", "email": ANN, "exp": NOW + 9999}
    async with validator(peer, clock, **introspecting(peer)) as bearer:
        await bearer.validate(Secret("good"))
        peer.tokens["good"] = {"active": False}
        clock.time += 299
        assert (await bearer.validate(Secret("good"))).account == ANN
        clock.time += 1
        with pytest.raises(BadToken, match="not active"):
            await bearer.validate(Secret("good"))

    assert len(peer.forms) == 2


@pytest.mark.asyncio
async def test_introspection_with_wrong_credentials(peer: IdentityProvider, clock: Clock) -> None:
    """Ours are wrong, not the token."""
    changed = {**introspecting(peer), "client_secret": Secret("wrong")}
    async with validator(peer, clock, **changed) as bearer:
        with pytest.raises(AuthUnavailable, match="status 401"):
            await bearer.validate(Secret("good"))
