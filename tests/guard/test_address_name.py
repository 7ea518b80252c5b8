"""Names that stand for addresses, over time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from mailward.errors import DnsError, InputError
from mailward.guard.address_name import KEPT, LONGEST, RETRY, SHORTEST, AddressName
from mailward.guard.source import Source


class Answers:
    """A resolver that says what it is told to. `asked`: how often."""

    def __init__(self, *addresses: str, ttl: float = 300.0) -> None:
        self.addresses: tuple[str, ...] | None = addresses
        self.ttl = ttl
        self.asked = 0

    async def __call__(self, name: str) -> tuple[Sequence[Source], float]:
        self.asked += 1
        if self.addresses is None:
            raise DnsError(f"{name} does not resolve: SERVFAIL")
        return tuple(map(ip_address, self.addresses)), self.ttl


def inside(name: AddressName, address: str) -> bool:
    return ip_address(address) in name.networks


def test_it_is_asked_when_its_time_has_come() -> None:
    """An answer serves for its TTL, and then the next one does."""
    name, answers = AddressName("home.example.net"), Answers("192.0.2.7", "2001:db8::7", "::ffff:198.51.100.7")

    async def scenario() -> None:
        assert name.due(0)
        assert await name.refresh(answers, 0)
        assert all(inside(name, address) for address in ("192.0.2.7", "2001:db8::7", "198.51.100.7"))
        assert not await name.refresh(answers, 299)
        answers.addresses = ("192.0.2.8",)
        assert await name.refresh(answers, 300)

    asyncio.run(scenario())
    assert answers.asked == 2
    assert inside(name, "192.0.2.8")
    assert not inside(name, "192.0.2.7")


@pytest.mark.parametrize("ttl,holds", [(0.0, SHORTEST), (-1.0, SHORTEST), (2.0**31, LONGEST)])
def test_the_ttl_has_bounds(ttl: float, holds: float) -> None:
    """Neither is a server asked for each login, nor is an answer believed for years."""
    name = AddressName("home.example.net")
    asyncio.run(name.refresh(Answers("192.0.2.7", ttl=ttl), 0))

    assert not name.due(holds - 0.1)
    assert name.due(holds)


def test_failures_keep_the_old_answer_for_a_time() -> None:
    """Nobody is locked out because a name server is down; but for a day at the most."""
    name, answers = AddressName("home.example.net"), Answers("192.0.2.7")

    async def scenario() -> None:
        await name.refresh(answers, 0)
        answers.addresses = None
        assert not await name.refresh(answers, 300)
        assert "keeps the addresses it had" in name.fault
        assert "SERVFAIL" in name.fault
        assert inside(name, "192.0.2.7")
        assert not name.due(300 + RETRY - 1)
        assert name.due(300 + RETRY)
        assert await name.refresh(answers, KEPT)
        assert "has lost" in name.fault
        assert not inside(name, "192.0.2.7")
        answers.addresses = ("192.0.2.7",)
        assert await name.refresh(answers, KEPT + RETRY)

    asyncio.run(scenario())
    assert name.fault == ""
    assert inside(name, "192.0.2.7")


def test_a_name_without_addresses() -> None:
    """That it has none is an answer, obeyed at once, and told; that nobody answers at the start is told too."""
    name, answers = AddressName("home.example.net"), Answers("192.0.2.7")

    async def scenario() -> None:
        answers.addresses = None
        await name.refresh(answers, 0)
        assert "not resolved yet" in name.fault
        answers.addresses = ("192.0.2.7",)
        await name.refresh(answers, 30)
        answers.addresses = ()
        await name.refresh(answers, 330)

    asyncio.run(scenario())
    assert name.fault == "home.example.net has no address"
    assert not inside(name, "192.0.2.7")


def test_very_many_addresses() -> None:
    """What one answer can add is bounded."""
    name = AddressName("home.example.net")
    asyncio.run(name.refresh(Answers(*(f"10.0.{high}.{low}" for high in range(2) for low in range(256))), 0))

    assert inside(name, "10.0.0.255")
    assert not inside(name, "10.0.1.0")
    assert "more than 256" in name.fault


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "-", "a-", "a b", "über.test", "a" * 64, "a." * 130, "a\nb", "192.0.2.0/24"]
)
def test_what_is_no_name(name: str) -> None:
    """What the DNS cannot be asked is refused when it is read."""
    with pytest.raises(InputError, match="is not a host name"):
        AddressName(name)


@pytest.mark.parametrize(
    "name", ["localhost", "home.example.net", "home.example.net.", "_x.a-b.test", "xn--bcher-kva.test"]
)
def test_what_is_a_name(name: str) -> None:
    """Names as the DNS has them."""
    assert AddressName(name).name == name
