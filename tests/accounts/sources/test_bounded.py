"""The bounds of every account source."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mailward.accounts.sources.bounded import BoundedSource
from mailward.accounts.sources.source import (
    UNKNOWN,
    OutOfOrder,
    Question,
    SourceAnswer,
    SourceSettings,
    bad_answer,
    out_of_order,
)
from mailward.errors import AuthUnavailable
from mailward.secret import Secret
from tests.support.account_sources import Clock

pytestmark = pytest.mark.asyncio
PASSWORD = Secret("four words of ann")


class Backend:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, does: Callable[[Question], Awaitable[SourceAnswer]]) -> None:
        self._does = does
        self.asked: list[Question] = []
        self.closed = False

    async def ask(self, question: Question) -> SourceAnswer:
        self.asked.append(question)
        return await self._does(question)

    def faults(self) -> tuple[str, ...]:
        return ("its own",)

    async def close(self) -> None:
        self.closed = True


async def yes(question: Question) -> SourceAnswer:
    return SourceAnswer(question.name, right=True)


async def never(_question: Question) -> SourceAnswer:
    await asyncio.Event().wait()
    raise AssertionError


async def down(_question: Question) -> SourceAnswer:
    raise out_of_order("s", "refused")


async def nonsense(_question: Question) -> SourceAnswer:
    raise bad_answer("s", "two rows")


async def test_names_come_in_one_spelling() -> None:
    """A backend sees the canonical name only, and where the login comes from."""
    backend = Backend(yes)
    source = BoundedSource(backend, SourceSettings(name="s"), now=Clock())

    answer = await source.verify("Ann@EXAMPLE.test", PASSWORD, source="192.0.2.1")

    assert answer.account == "ann@example.test"
    assert backend.asked == [Question("ann@example.test", PASSWORD, "192.0.2.1", "smtp")]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", ""),
        ("ann", "a\0b"),
        ("ann", "p" * 1025),
        ("ann", "ü" * 1000),
        ("ann", "\ud800"),
        ("a b", "x"),
        ("", "x"),
    ],
)
async def test_what_can_be_no_login_reaches_no_source(name: str, password: str) -> None:
    """An empty password above all: an LDAP server would take it for an anonymous login, and say yes."""
    backend = Backend(yes)

    assert await BoundedSource(backend, SourceSettings(name="s"), now=Clock()).verify(name, Secret(password)) == UNKNOWN
    assert backend.asked == []


async def test_a_source_that_is_too_slow_is_unavailable_then_left_alone() -> None:
    """After some time-outs in a row logins are told at once, and the backend is not asked; faults say so."""
    clock = Clock()
    backend = Backend(never)
    source = BoundedSource(backend, SourceSettings(name="s", timeout=0.01, failures=2, pause=10), now=clock)
    for _ in range(2):
        with pytest.raises(OutOfOrder, match="no answer within"):
            await source.verify("ann", PASSWORD)

    with pytest.raises(OutOfOrder, match="failed several times"):
        await source.verify("ann", PASSWORD)
    assert len(backend.asked) == 2
    assert source.faults() == ("account source 's': left alone after failures in a row", "its own")

    clock.seconds += 10
    backend._does = yes
    assert (await source.verify("ann", PASSWORD)).right
    assert source.faults() == ("its own",)


async def test_one_account_that_cannot_be_judged_stops_nobody_else() -> None:
    """Garbage about one account is no outage of the source, however often it is asked for."""
    backend = Backend(nonsense)
    source = BoundedSource(backend, SourceSettings(name="s", failures=2), now=Clock())
    for _ in range(4):
        with pytest.raises(AuthUnavailable, match="cannot be used"):
            await source.verify("eve", PASSWORD)

    backend._does = yes
    assert (await source.verify("ann", PASSWORD)).right


async def test_the_queue_is_bounded() -> None:
    """`connections` are asked at a time, `waiting` wait, the next is refused at once; a full queue is no outage."""
    backend = Backend(never)
    settings = SourceSettings(name="s", timeout=0.2, connections=2, waiting=1, failures=100)
    source = BoundedSource(backend, settings, now=Clock())

    ends = await asyncio.gather(*(source.verify("ann", PASSWORD) for _ in range(5)), return_exceptions=True)

    assert len(backend.asked) == 2
    assert [type(end) for end in ends] == [OutOfOrder, OutOfOrder, *[AuthUnavailable] * 3]


async def test_an_outage_is_no_wrong_password() -> None:
    """What a backend cannot tell is AuthUnavailable, and carries no password."""
    with pytest.raises(AuthUnavailable) as refused:
        await BoundedSource(Backend(down), SourceSettings(name="s"), now=Clock()).verify("ann", PASSWORD)

    assert PASSWORD.reveal() not in str(refused.value)
    assert refused.value.retryable


async def test_closed() -> None:
    """A closed source closes what is behind it and answers nobody."""
    backend = Backend(yes)
    source = BoundedSource(backend, SourceSettings(name="s"), now=Clock())
    await source.close()

    assert backend.closed
    with pytest.raises(AuthUnavailable):
        await source.verify("ann", PASSWORD)
