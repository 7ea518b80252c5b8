"""Is this bearer token good, and whose account is it (RFC 6750)? By the issuer's keys, or by asking the issuer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailward.accounts.bearer_settings import BearerSettings
from mailward.accounts.introspection import Introspection
from mailward.accounts.jwks import Jwks
from mailward.accounts.provider import HttpsProvider, Provider
from mailward.accounts.signed_token import claims, read
from mailward.accounts.token_cache import TokenCache
from mailward.accounts.token_claims import BadToken, BearerAnswer, judged
from mailward.sasl.bearer_message import MAX_TOKEN
from mailward.secret import Secret

__all__ = ["BadToken", "BearerAnswer", "BearerSettings", "BearerValidator", "open_bearer"]


class BearerValidator:
    """now: Unix seconds. monotonic: seconds, for what is fetched and kept."""

    def __init__(
        self,
        settings: BearerSettings,
        provider: Provider,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        cached: int = 4096,
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._now = now
        self._cache = TokenCache(now=now, size=cached)
        self._jwks = Jwks(settings, provider, monotonic=monotonic)
        self._introspection = Introspection(settings, provider, now=now)

    async def validate(self, token: Secret) -> BearerAnswer:
        """Raises BadToken, and AuthUnavailable when nobody can tell: that is never the client's failure."""
        if not 0 < len(token.reveal()) <= MAX_TOKEN:
            raise BadToken("it is empty or too long")
        answer = self._cache.find(token)
        if answer is not None:
            return answer
        try:
            answer = judged(await self._claims(token), self._settings, self._now())
        except BadToken as problem:
            self._cache.bad(token, problem.reason)
            raise
        self._cache.good(token, answer)
        return answer

    async def close(self) -> None:
        await self._provider.close()

    async def _claims(self, token: Secret) -> dict[str, Any]:
        if self._settings.introspection:
            return await self._introspection.claims(token)
        signed = read(token, self._settings.algorithms)
        return claims(signed, await self._jwks.key(signed))


def open_bearer(
    settings: BearerSettings, *, now: Callable[[], float], monotonic: Callable[[], float]
) -> BearerValidator:
    """Asks nobody yet. InputError: the file of `ca` holds no certificate."""
    provider = HttpsProvider(timeout=settings.timeout, ca=settings.ca)
    return BearerValidator(settings, provider, now=now, monotonic=monotonic)
