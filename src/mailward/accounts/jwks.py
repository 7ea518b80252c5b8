"""The issuer's public keys (RFC 7517), found by discovery (RFC 8414, OpenID Connect Discovery) and kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mailward.accounts.bearer_settings import BearerSettings, check_url
from mailward.accounts.provider import Pause, Provider, unavailable
from mailward.accounts.signed_token import SignedToken, VerifyingKey, verifying_key
from mailward.accounts.token_claims import BadToken
from mailward.errors import AuthUnavailable, InputError

FRESH = 900.0  # seconds: after them the keys are fetched again
KEPT = 21_600.0  # seconds: so long they serve when the issuer does not answer
BETWEEN = 60.0  # seconds between two fetches for a key nobody knows: anybody can make up names of keys
AFTER_FAILURE = 10.0  # seconds in which an issuer that did not answer is not asked again

_MOST_KEYS = 64
_WELL_KNOWN = "/.well-known/openid-configuration"


class Jwks:
    """monotonic: seconds. However many logins come, one fetch is under way at a time."""

    def __init__(self, settings: BearerSettings, provider: Provider, *, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._provider = provider
        self._now = monotonic
        self._keys: tuple[VerifyingKey, ...] = ()
        self._fetched: float | None = None
        self._pause = Pause(AFTER_FAILURE, monotonic)
        self._one_at_a_time = asyncio.Lock()

    async def key(self, token: SignedToken) -> VerifyingKey:
        """The one key this token can be signed with. Raises BadToken, AuthUnavailable."""
        if self._age() >= FRESH:
            await self._refresh(FRESH)
        found = self._find(token)
        if found is None and self._age() >= BETWEEN:
            await self._refresh(BETWEEN, needed=True)
            found = self._find(token)
        if found is None:
            raise BadToken("its issuer has no such key")
        return found

    def _find(self, token: SignedToken) -> VerifyingKey | None:
        fitting = [key for key in self._keys if key.fits(token.algorithm)]
        if token.key_id is not None:
            fitting = [key for key in fitting if key.key_id == token.key_id]
        return fitting[0] if len(fitting) == 1 else None

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._now() - self._fetched

    async def _refresh(self, age: float, *, needed: bool = False) -> None:
        """Unless somebody else just did. When the issuer does not answer, old keys serve unless new ones are needed."""
        async with self._one_at_a_time:
            if self._age() < age:
                return
            try:
                self._keys = await self._fetch()
                self._fetched = self._now()
            except AuthUnavailable:
                if needed or self._age() >= KEPT:
                    raise

    async def _fetch(self) -> tuple[VerifyingKey, ...]:
        self._pause.check()
        try:
            return await self._asked()
        except AuthUnavailable as problem:
            self._pause.begin(problem)
            raise

    async def _asked(self) -> tuple[VerifyingKey, ...]:
        url = self._settings.jwks or await self._discovered()
        listed = (await self._provider.get(url)).get("keys")
        if not isinstance(listed, list):
            raise unavailable(url, "the answer is no key set")
        keys = _usable(listed)
        if not keys:
            raise unavailable(url, "no key in the set is one we can use")
        return keys

    async def _discovered(self) -> str:
        issuer = self._settings.issuer
        url = issuer.rstrip("/") + _WELL_KNOWN
        document = await self._provider.get(url)
        if document.get("issuer") != issuer:
            raise unavailable(url, "it calls itself another issuer than the one that was asked (RFC 8414 §3.3)")
        found = document.get("jwks_uri")
        try:
            check_url("jwks", found if isinstance(found, str) else "", insecure_http=self._settings.insecure_http)
        except InputError as error:
            problem = error.message
        else:
            return str(found)
        raise unavailable(url, f"its jwks_uri cannot be used: {problem}")


def _usable(listed: Sequence[object]) -> tuple[VerifyingKey, ...]:
    found = (verifying_key(jwk) for jwk in listed[:_MOST_KEYS])
    return tuple(key for key in found if key is not None)
