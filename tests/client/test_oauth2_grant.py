"""Ways to an access token: which question each asks, and what it makes of a function's answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mailward.client.oauth2_endpoint import Endpoint, Token
from mailward.client.oauth2_grant import Function, Grant, RefreshToken
from mailward.errors import InputError, TokenRefused
from mailward.net.aio import AioPorts
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers
from tests.support.token_endpoint import CLIENT, CLIENT_SECRET, REFRESH, TokenEndpoint, token_endpoint


def obtained(driver: Driver, grant: Grant, refresh: str | None = None) -> Token:
    last = None if refresh is None else Secret(refresh)
    return driver.run(lambda ports: grant.obtain(last, ports, until=ports.now() + 5))


def refreshing(server: TokenEndpoint) -> RefreshToken:
    return RefreshToken(Endpoint(CLIENT, Secret(CLIENT_SECRET), ca=server.ca), server.token_url, Secret(REFRESH))


@both_drivers
def test_the_refresh_token_stays_where_no_other_is_given(driver: Driver) -> None:
    """Google keeps it, Microsoft changes it each time."""
    with token_endpoint() as server:
        assert obtained(driver, refreshing(server)).refresh == Secret(REFRESH)
    with token_endpoint(rotates=True) as server:
        assert obtained(driver, refreshing(server)).refresh == Secret("refresh-2")


@both_drivers
def test_the_last_and_the_given_refresh_token(driver: Driver) -> None:
    """Whoever authorised the program anew gives a newer one than the last; only invalid_grant leads to it."""
    with token_endpoint() as server:
        assert obtained(driver, refreshing(server), "old").access == Secret("access-1")
        assert [form["refresh_token"] for form in server.forms] == ["old", REFRESH]
        server.answers.append((400, b'{"error":"invalid_client"}'))
        with pytest.raises(TokenRefused, match="invalid_client"):
            obtained(driver, refreshing(server), "old")
        server.refresh = "neither"
        with pytest.raises(TokenRefused, match="invalid_grant"):
            obtained(driver, refreshing(server), "old")


@both_drivers
@pytest.mark.parametrize(
    ("given", "lifetime"), [("token", 60.0), (Secret("token"), 60.0), (("token", 5), 5.0), ((Secret("token"), 0), 0.0)]
)
def test_a_function(driver: Driver, given: Any, lifetime: float) -> None:
    """A token for a minute, or for as long as it says."""
    token = obtained(driver, Function(lambda: given))
    assert (token.access, token.lifetime, token.refresh) == (Secret("token"), lifetime, None)


@both_drivers
@pytest.mark.parametrize("given", [None, "", ("canary", "soon"), ("canary", -1), ("canary", float("nan")), (1, 2, 3)])
def test_what_a_function_may_not_give(driver: Driver, given: Any) -> None:
    """The error does not show it."""
    with pytest.raises(InputError) as caught:
        obtained(driver, Function(lambda: given))
    assert "canary" not in str(caught.value)


def test_an_asynchronous_function() -> None:
    """As of MSAL or google-auth in a loop."""

    async def fetch() -> tuple[str, float]:
        await asyncio.sleep(0)
        return "token", 30.0

    async def flow() -> Token:
        return await Function(fetch).obtain(None, AioPorts(), until=None)

    assert asyncio.run(flow()).lifetime == 30.0
