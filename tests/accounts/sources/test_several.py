"""Sources in order."""

from __future__ import annotations

import time

import pytest

from mailward.accounts.sources.several import Several
from mailward.accounts.sources.source import UNKNOWN, SourceAnswer, out_of_order
from mailward.errors import AuthUnavailable
from mailward.secret import Secret

pytestmark = pytest.mark.asyncio
PASSWORD = Secret("four words of ann")


class Source:
    """Says one thing; None: it is down."""

    def __init__(self, says: SourceAnswer | None) -> None:
        self.name = "s"
        self._says = says
        self.asked = 0
        self.closed = False

    async def verify(self, name: str, password: Secret, *, source: str = "", service: str = "smtp") -> SourceAnswer:
        self.asked += 1
        if self._says is None:
            raise out_of_order("s", "down")
        return self._says

    def faults(self) -> tuple[str, ...]:
        return ("broken",)

    async def close(self) -> None:
        self.closed = True


RIGHT, WRONG = SourceAnswer("ann", right=True), SourceAnswer("ann", right=False)


async def test_the_first_that_knows_the_name_decides() -> None:
    """A later source cannot let in whom an earlier one turns away, and is not shown the password."""
    first, second, third = Source(UNKNOWN), Source(WRONG), Source(RIGHT)

    assert await Several([first, second, third], now=time.monotonic).verify("ann", PASSWORD) == WRONG
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


async def test_an_outage_is_not_passed_over() -> None:
    """While the first is down nobody knows whether it would have said no."""
    later = Source(RIGHT)

    with pytest.raises(AuthUnavailable):
        await Several([Source(None), later], now=time.monotonic).verify("ann", PASSWORD)
    assert later.asked == 0


async def test_failures_take_the_same_time() -> None:
    """Unknown and wrong end at an even step; a right password does not wait."""
    took = []
    for says in (UNKNOWN, WRONG, RIGHT):
        started = time.monotonic()
        await Several([Source(says)], now=time.monotonic).verify("ann", PASSWORD)
        took.append(time.monotonic() - started)

    assert min(took[:2]) >= 0.25
    assert abs(took[0] - took[1]) < 0.1
    assert took[2] < 0.1


async def test_none_and_all() -> None:
    """No source knows nobody; faults and closing go to every source."""
    assert await Several([], now=time.monotonic).verify("ann", PASSWORD) == UNKNOWN
    sources = [Source(RIGHT), Source(RIGHT)]
    several = Several(sources, now=time.monotonic)

    assert several.faults() == ("broken", "broken")
    await several.close()
    assert [source.closed for source in sources] == [True, True]
