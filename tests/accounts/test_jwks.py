from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from mailward.accounts import jwks
from mailward.accounts.bearer_settings import BearerSettings
from mailward.accounts.jwks import Jwks
from mailward.accounts.signed_token import SignedToken
from mailward.accounts.token_claims import BadToken
from mailward.errors import AuthUnavailable
from mailward.secret import Secret

ISSUER = "https://id.example.test/realms/mail"
DISCOVERY = ISSUER + "/.well-known/openid-configuration"
KEYS_AT = "https://id.example.test/keys"
ONE, TWO = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
CURVE = ECKey.generate_key("P-256")


def jwk(key: Key, kid: str | None, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **({} if kid is None else {"kid": kid}), **more}


class Source:
    """Answers from a table, in its own time; `down`: not at all."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.time = 0.0
        self.pages: dict[str, Any] = {
            DISCOVERY: {"issuer": ISSUER, "jwks_uri": KEYS_AT},
            KEYS_AT: {"keys": list(keys)},
        }
        self.asked: list[str] = []
        self.down = False

    async def get(self, url: str) -> dict[str, Any]:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.down:
            raise AuthUnavailable("down", phase="auth")
        page: dict[str, Any] = self.pages[url]
        return page

    async def post(self, url: str, form: Mapping[str, Secret], *, user: str, password: Secret) -> dict[str, Any]:
        raise NotImplementedError

    async def close(self) -> None: ...

    def publish(self, *keys: dict[str, Any]) -> None:
        self.pages[KEYS_AT] = {"keys": list(keys)}


def opened(source: Source, **changed: Any) -> Jwks:
    settings = BearerSettings(issuer=ISSUER, audience="mailward", **{"jwks": KEYS_AT, **changed})
    return Jwks(settings, source, monotonic=lambda: source.time)


def token(kid: str | None = "one", algorithm: str = "RS256") -> SignedToken:
    return SignedToken(algorithm, kid, Secret("a.b.c"))


@pytest.mark.asyncio
async def test_the_key_of_that_name() -> None:
    """Of several; fetched once."""
    source = Source(jwk(ONE, "one"), jwk(TWO, "two"), jwk(CURVE, "one"))
    keys = opened(source)

    assert (await keys.key(token("one"))).key.as_dict()["n"] == ONE.as_dict()["n"]
    assert (await keys.key(token("two"))).key.as_dict()["n"] == TWO.as_dict()["n"]
    assert (await keys.key(token("one", "ES256"))).kind == "EC"
    assert source.asked == [KEYS_AT]


@pytest.mark.asyncio
async def test_without_a_name_only_where_there_is_no_choice() -> None:
    """One key that fits is meant; of two neither."""
    source = Source(jwk(ONE, "one"), jwk(CURVE, None))
    assert (await opened(source).key(token(None))).key_id == "one"
    source.publish(jwk(ONE, "one"), jwk(TWO, "two"))
    with pytest.raises(BadToken, match="no such key"):
        await opened(source).key(token(None))


@pytest.mark.asyncio
@pytest.mark.parametrize("kid", ["../../x", "/keys", "ONE", "one\0", ""])
async def test_a_name_is_only_compared(kid: str) -> None:
    """S55, `kid=../../x`: no path, no URL; nothing but the set is asked for."""
    source = Source(jwk(ONE, "one"))
    with pytest.raises(BadToken, match="no such key"):
        await opened(source).key(token(kid))

    assert set(source.asked) == {KEYS_AT}


@pytest.mark.asyncio
async def test_discovery() -> None:
    """Where the issuer says, asked under the issuer's own path."""
    source = Source(jwk(ONE, "one"))
    await opened(source, jwks="").key(token())

    assert source.asked == [DISCOVERY, KEYS_AT]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "document, why",
    [
        ({"issuer": ISSUER + "/", "jwks_uri": KEYS_AT}, "another issuer"),
        ({"jwks_uri": KEYS_AT}, "another issuer"),
        ({"issuer": ISSUER}, "no URL"),
        ({"issuer": ISSUER, "jwks_uri": 7}, "no URL"),
        ({"issuer": ISSUER, "jwks_uri": "http://id.example.test/keys"}, "not https"),
        ({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, "no URL"),
    ],
)
async def test_a_discovery_that_cannot_be_meant(document: dict[str, Any], why: str) -> None:
    """RFC 8414 §3.3: of another issuer; or keys that anybody on the way could change."""
    source = Source(jwk(ONE, "one"))
    source.pages[DISCOVERY] = document

    with pytest.raises(AuthUnavailable, match=why):
        await opened(source, jwks="").key(token())
    assert source.asked == [DISCOVERY]


@pytest.mark.asyncio
@pytest.mark.parametrize("keys", [None, {}, "", [], [7], [jwk(OctKey.generate_key(256), "one")], [{"kty": "RSA"}]])
async def test_a_set_without_a_key(keys: object) -> None:
    """Our trouble or the issuer's, never the client's."""
    source = Source()
    source.pages[KEYS_AT] = {"keys": keys}

    with pytest.raises(AuthUnavailable, match="key"):
        await opened(source).key(token())


@pytest.mark.asyncio
async def test_a_hundred_logins_fetch_once() -> None:
    """All wait for the same answer."""
    source = Source(jwk(ONE, "one"))
    keys = opened(source)

    await asyncio.gather(*(keys.key(token()) for _ in range(100)))

    assert source.asked == [KEYS_AT]


@pytest.mark.asyncio
async def test_a_hundred_logins_ask_once_when_it_is_down() -> None:
    """And for a while nobody asks again; then it is found to be up."""
    source = Source(jwk(ONE, "one"))
    source.down = True
    keys = opened(source)

    told = await asyncio.gather(*(keys.key(token()) for _ in range(100)), return_exceptions=True)

    assert all(isinstance(problem, AuthUnavailable) for problem in told)
    assert source.asked == [KEYS_AT]
    source.down = False
    source.time = jwks.AFTER_FAILURE
    assert (await keys.key(token())).key_id == "one"


@pytest.mark.asyncio
async def test_a_cancelled_login_leaves_the_fetch_to_the_next() -> None:
    """Whoever hangs up while the keys come spoils nothing."""
    source = Source(jwk(ONE, "one"))
    keys = opened(source)
    loop = asyncio.get_running_loop()
    first = loop.create_task(keys.key(token()))
    second = loop.create_task(keys.key(token()))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).key_id == "one"


@pytest.mark.asyncio
async def test_a_new_key_is_found_when_a_token_names_it() -> None:
    """Rotation: at most one fetch a minute, however many tokens name keys that nobody has."""
    source = Source(jwk(ONE, "one"))
    keys = opened(source)
    await keys.key(token())
    source.publish(jwk(TWO, "two"))

    with pytest.raises(BadToken):
        await keys.key(token("two"))
    source.time = jwks.BETWEEN
    assert (await keys.key(token("two"))).key_id == "two"
    for number in range(100):
        source.time += 0.1
        with pytest.raises(BadToken):
            await keys.key(token(f"made up {number}"))
    assert source.asked == [KEYS_AT] * 2
    with pytest.raises(BadToken):
        await keys.key(token("one"))


@pytest.mark.asyncio
async def test_keys_are_fetched_again() -> None:
    """A withdrawn key opens nothing after a quarter of an hour."""
    source = Source(jwk(ONE, "one"))
    keys = opened(source)
    await keys.key(token())
    source.publish(jwk(TWO, "two"))

    source.time = jwks.FRESH - 0.1
    await keys.key(token())
    source.time = jwks.FRESH
    with pytest.raises(BadToken):
        await keys.key(token())
    assert source.asked == [KEYS_AT] * 2


@pytest.mark.asyncio
async def test_old_keys_serve_while_the_issuer_is_down() -> None:
    """For hours, and not for ever; a key that would be new is not judged meanwhile."""
    source = Source(jwk(ONE, "one"))
    keys = opened(source)
    await keys.key(token())
    source.down = True

    source.time = jwks.FRESH
    assert (await keys.key(token())).key_id == "one"
    with pytest.raises(AuthUnavailable):
        await keys.key(token("two"))
    source.time = jwks.KEPT
    with pytest.raises(AuthUnavailable):
        await keys.key(token())


@pytest.mark.asyncio
async def test_a_set_is_read_up_to_a_limit() -> None:
    """64 keys are more than any issuer has."""
    source = Source(*({"kty": "RSA"} for _ in range(64)), jwk(ONE, "one"))

    with pytest.raises(AuthUnavailable, match="no key"):
        await opened(source).key(token())
