"""Ways to get an access token: refresh token, client credentials (RFC 6749 §6, §4.4), or a function of the caller's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from mailward.client.oauth2_endpoint import Token
from mailward.client.passwords import checked
from mailward.errors import InputError, TokenRefused
from mailward.net.awaiting import answer_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailward.client.oauth2_endpoint import Endpoint, Field
    from mailward.net.ports import Ports
    from mailward.secret import Secret

_UNSAID: Final = 60.0  # seconds for which a function's token is used where the function does not say

Given: TypeAlias = "str | Secret | tuple[str | Secret, float]"


class Grant(Protocol):
    """Gets a new access token."""

    @property
    def names(self) -> tuple[str, ...]:
        """What tells this grant from others, for the cache; nothing secret."""
        ...

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:
        """`refresh`: the refresh token that came last, None for none. Raises MailwardError."""
        ...


@dataclass(frozen=True, slots=True)
class RefreshToken:
    endpoint: Endpoint
    url: str
    first: Secret
    scope: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.url, self.endpoint.client_id, self.scope or "")

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:
        """Where the one that came last is no longer good, the one the program gave may be newer."""
        if refresh is None or refresh == self.first:
            return await refreshed(self.endpoint, self.url, self.first, self.scope, ports, until=until)
        try:
            return await refreshed(self.endpoint, self.url, refresh, self.scope, ports, until=until)
        except TokenRefused as error:
            if error.reason != "invalid_grant":
                raise
        return await refreshed(self.endpoint, self.url, self.first, self.scope, ports, until=until)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    endpoint: Endpoint
    url: str
    scope: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.url, self.endpoint.client_id, self.scope or "")

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:  # noqa: ARG002
        fields: dict[str, Field] = {"grant_type": "client_credentials", **scoped(self.scope)}
        return await self.endpoint.token(self.url, fields, ports, until=until)


@dataclass(frozen=True, slots=True)
class Function:
    """`function` gives a token, or a token and the seconds for which it is good, or an awaitable of either."""

    function: Callable[[], Given | Awaitable[Given]]

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:  # noqa: ARG002
        within = None if until is None else max(0.0, until - ports.now())
        given = await answer_of(self.function, ports, within=within, what="the function of OAuth2.callable")
        token, seconds = given if isinstance(given, tuple) and len(given) == 2 else (given, _UNSAID)
        del given
        access = checked(token)
        if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            del token
            raise InputError("the function of OAuth2.callable gave a token and no number of seconds", phase="oauth2")
        return Token(access, ports.utc().timestamp() + seconds, lifetime=float(seconds))


async def refreshed(
    endpoint: Endpoint, url: str, refresh: Secret, scope: str | None, ports: Ports, *, until: float | None
) -> Token:
    """With the refresh token that is to be used next: the new one, or the same where there is no new one."""
    fields: dict[str, Field] = {"grant_type": "refresh_token", "refresh_token": refresh, **scoped(scope)}
    token = await endpoint.token(url, fields, ports, until=until)
    return token if token.refresh else Token(token.access, token.until, refresh, token.lifetime)


def scoped(scope: str | None) -> dict[str, Field]:
    return {"scope": scope} if scope else {}
