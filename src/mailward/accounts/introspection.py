"""Asking the issuer about each token (RFC 7662): also for those that only the issuer can read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mailward.accounts.bearer_settings import BearerSettings
from mailward.accounts.provider import Pause, Provider, Unwanted, unavailable
from mailward.accounts.token_claims import BadToken
from mailward.errors import AuthUnavailable
from mailward.secret import Secret

MOST_AT_ONCE = 16
MOST_WAITING = 64
AFTER_FAILURE = 5.0  # seconds in which an endpoint that did not answer is not asked again
NO_EXPIRY = 300.0  # seconds an answer is good for that names no end


class Introspection:
    """now: Unix seconds. Bounded: at most `MOST_AT_ONCE` questions, with `MOST_WAITING` behind them."""

    def __init__(self, settings: BearerSettings, provider: Provider, *, now: Callable[[], float]) -> None:
        self._settings = settings
        self._provider = provider
        self._now = now
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._under_way = 0
        self._pause = Pause(AFTER_FAILURE, now)

    async def claims(self, token: Secret) -> dict[str, Any]:
        """What the issuer says of it. Raises BadToken when it is not active, AuthUnavailable."""
        if self._under_way >= MOST_AT_ONCE + MOST_WAITING:
            raise AuthUnavailable("too many tokens at once wait for the identity provider", phase="auth")
        self._under_way += 1
        try:
            async with self._slots:
                answer = await self._asked(token)
        finally:
            self._under_way -= 1
        if answer.get("active") is not True:
            raise BadToken("its issuer says it is not active")
        return self._completed(answer)

    async def _asked(self, token: Secret) -> dict[str, Any]:
        settings = self._settings
        self._pause.check()
        form = {"token": token, "token_type_hint": Secret("access_token")}
        secret = settings.client_secret or Secret("")
        try:
            answer = await self._provider.post(settings.introspection, form, user=settings.client_id, password=secret)
        except Unwanted:
            raise  # it is this token; others are asked about as before
        except AuthUnavailable as problem:
            self._pause.begin(problem)
            raise
        if not isinstance(answer.get("active"), bool):
            raise unavailable(settings.introspection, "the answer does not say whether the token is active")
        return answer

    def _completed(self, answer: dict[str, Any]) -> dict[str, Any]:
        """`iss` and `exp` may be left out (§2.2): whom we asked is the issuer, and we ask again soon."""
        kind = answer.get("token_type", "Bearer")
        if not isinstance(kind, str) or kind.lower() not in {"bearer", "access_token"}:
            raise BadToken("it is no bearer token")
        return {"iss": self._settings.issuer, "exp": self._now() + NO_EXPIRY, **answer}
