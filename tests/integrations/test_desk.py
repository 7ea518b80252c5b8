from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from mailward.events import Reason
from mailward.integrations import desk as desk_module
from mailward.integrations.desk import Desk, Question
from tests.integrations.place import Place, opened
from tests.support.installation import ANN


def question(number: int, *, host: int = 7) -> Question:
    return Question(
        source=ip_address(f"192.0.2.{host}"), name=ANN, door="http-api", service="imap", session=f"s{number}"
    )


def desk_of(place: Place) -> Desk:
    logins = place.services.logins
    return Desk(
        logins.guard,
        find=logins.accounts.find_key,
        at_home=logins.credentials.at_home,
        record=logins.record,
        utc=logins.utc,
        loop=place.services.loop,
    )


@pytest.mark.asyncio
async def test_asking_many_times_at_once_wins_nothing(tmp_path: Path) -> None:
    """Each yes holds one of the guesses that are left, so that sixty-four at once get no more than one by one."""
    async with opened(tmp_path) as place:
        desk = desk_of(place)

        decisions = await asyncio.gather(*(desk.allow(question(number)) for number in range(64)))
        desk.close()

        assert sum(decision.allow for decision in decisions) == 5
        assert {decision.reason for decision in decisions if not decision.allow} == {Reason.BUSY}


@pytest.mark.asyncio
@pytest.mark.parametrize("session, twice", [("", False), ("", True), ("one-cookie", False)])
async def test_logins_that_nothing_tells_apart(tmp_path: Path, session: str, twice: bool) -> None:
    """Each holds a guess of its own, and a refused one that is reported gives back none of another's."""
    async with opened(tmp_path) as place:
        desk = desk_of(place)
        alike = replace(question(0), session=session, twice=twice)

        decisions = await asyncio.gather(*(desk.allow(alike) for _ in range(64)))
        desk.abandoned(alike)
        decisions.append(await desk.allow(alike))
        assert sum(decision.allow for decision in decisions) == 5

        await desk.report(alike, reason=Reason.BAD_PASSWORD, tag="1")
        await desk.report(alike, reason=None)
        assert (await desk.allow(alike)).allow
        desk.close()


@pytest.mark.asyncio
async def test_few_wait_at_a_time_and_none_for_long(tmp_path: Path) -> None:
    """Dovecot lets a login pass that it had no answer about for two seconds, so the last of many has one in time."""
    async with opened(tmp_path) as place:
        desk, loop = desk_of(place), asyncio.get_running_loop()
        for number in range(5):
            assert (await desk.allow(question(number))).allow
        began = loop.time()
        asked = [loop.create_task(desk.allow(question(number))) for number in range(5, 300)]
        _, waiting = await asyncio.wait(asked, timeout=0.4)

        assert len(waiting) == desk_module._MOST_WAITING
        assert not any([(await each).allow for each in asked])
        assert loop.time() - began < 1.6
        desk.close()


@pytest.mark.asyncio
async def test_what_is_never_reported_is_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that asks and never tells does not shut anybody out."""
    monkeypatch.setattr(desk_module, "_LEASE", 0.05)
    async with opened(tmp_path) as place:
        desk = desk_of(place)
        for number in range(5):
            assert (await desk.allow(question(number))).allow
        await asyncio.sleep(0.1)

        for number in range(5, 10):
            assert (await desk.allow(question(number))).allow
        desk.close()


@pytest.mark.asyncio
async def test_a_success_that_nobody_asked_about(tmp_path: Path) -> None:
    """Is recorded; but from a banned source it makes nothing known, or a report would open every door."""
    async with opened(tmp_path) as place:
        desk = desk_of(place)
        await desk.report(question(0, host=8), reason=None)
        for number in range(5):
            await desk.report(question(number), reason=Reason.BAD_PASSWORD, tag=str(number))
        await desk.report(question(9), reason=None)

        assert place.services.known.knows(ANN, "ip:192.0.2.8", since=0.0)
        assert not place.services.known.knows(ANN, "ip:192.0.2.7", since=0.0)
        assert len(await place.events("login.succeeded")) == 2
