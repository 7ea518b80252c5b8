from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from mailward.accounts import introspection
from mailward.accounts.bearer_settings import BearerSettings
from mailward.accounts.introspection import Introspection
from mailward.accounts.provider import Unwanted
from mailward.accounts.token_claims import BadToken
from mailward.errors import AuthUnavailable
from mailward.secret import Secret

ISSUER = "https://id.example.test"
SETTINGS = BearerSettings(
    issuer=ISSUER,
    audience="mailward",
    introspection=ISSUER + "/introspect",
    client_id="mail",
    client_secret=Secret("s3cret"),
)


class Endpoint:
    """Says what `answer` holds, when `open` is set."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.time = 1000.0
        self.asked: list[dict[str, str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.at_once = self.most = 0

    async def get(self, url: str) -> dict[str, Any]:
        raise NotImplementedError

    async def post(self, url: str, form: Mapping[str, Secret], *, user: str, password: Secret) -> dict[str, Any]:
        revealed = {name: value.reveal() for name, value in form.items()}
        self.asked.append({"url": url, "user": user, "password": password.reveal(), **revealed})
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, dict)
        return self.answer

    async def close(self) -> None: ...


def opened(endpoint: Endpoint) -> Introspection:
    return Introspection(SETTINGS, endpoint, now=lambda: endpoint.time)


@pytest.mark.asyncio
async def test_an_active_token() -> None:
    """What the issuer says of it, and where it may say nothing what that means."""
    endpoint = Endpoint({"active": True, "username": "ann"})

    said = await opened(endpoint).claims(Secret("opaque"))

    assert said == {
        "active": True,
        "username": "ann",
        "iss": ISSUER,
        "exp": endpoint.time + introspection.NO_EXPIRY,
    }
    assert endpoint.asked == [
        {
            "url": ISSUER + "/introspect",
            "user": "mail",
            "password": "s3cret",
            "token": "opaque",
            "token_type_hint": "access_token",
        }
    ]


@pytest.mark.asyncio
async def test_what_the_issuer_says_counts() -> None:
    """Its own iss and exp, right or wrong."""
    endpoint = Endpoint({"active": True, "iss": "https://other.test", "exp": 7, "token_type": "bearer"})
    said = await opened(endpoint).claims(Secret("opaque"))

    assert (said["iss"], said["exp"]) == ("https://other.test", 7)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [{"active": False}, {"active": True, "token_type": "DPoP"}, {"active": True, "token_type": ["Bearer"]}]
)
async def test_bad_tokens(answer: dict[str, Any]) -> None:
    """Not active, or of a kind that has to be proved."""
    with pytest.raises(BadToken):
        await opened(Endpoint(answer)).claims(Secret("opaque"))


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [{}, {"active": "true"}, {"active": 1}, {"active": None}])
async def test_an_answer_that_does_not_say(answer: dict[str, Any]) -> None:
    """Nobody can tell: not the client's failure."""
    with pytest.raises(AuthUnavailable):
        await opened(Endpoint(answer)).claims(Secret("opaque"))


@pytest.mark.asyncio
async def test_after_a_failure_it_rests() -> None:
    """The same is told at once for a while, and then it is asked again."""
    endpoint = Endpoint(AuthUnavailable("down", phase="auth"))
    asking = opened(endpoint)
    for _ in range(10):
        with pytest.raises(AuthUnavailable, match="down"):
            await asking.claims(Secret("opaque"))
    assert len(endpoint.asked) == 1

    endpoint.answer = {"active": True}
    endpoint.time += introspection.AFTER_FAILURE
    assert (await asking.claims(Secret("opaque")))["active"]


@pytest.mark.asyncio
async def test_a_flood_is_bounded() -> None:
    """So many are asked at once, so many wait, and whoever comes then is told to come later."""
    endpoint = Endpoint({"active": True})
    endpoint.open.clear()
    asking = opened(endpoint)
    most = introspection.MOST_AT_ONCE + introspection.MOST_WAITING

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(asking.claims(Secret(f"{number}"))) for number in range(most)]
        await asyncio.sleep(0)
        with pytest.raises(AuthUnavailable, match="too many"):
            await asking.claims(Secret("one more"))
        endpoint.open.set()

    assert all(task.result()["active"] for task in waiting)
    assert endpoint.most == introspection.MOST_AT_ONCE
    assert (await asking.claims(Secret("later")))["active"]


@pytest.mark.asyncio
async def test_a_token_that_is_not_wanted_stops_nobody() -> None:
    """Anybody can make up a token that the issuer refuses to look at: others are asked about all the same."""
    endpoint = Endpoint(Unwanted("status 400", phase="auth"))
    asking = opened(endpoint)
    with pytest.raises(AuthUnavailable, match="status 400"):
        await asking.claims(Secret("made-up"))

    endpoint.answer = {"active": True}
    assert (await asking.claims(Secret("opaque")))["active"]
