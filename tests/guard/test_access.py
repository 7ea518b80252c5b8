"""Who may log in by which door, and which list says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from mailward.guard.access import Access, Rule
from mailward.guard.address_list import EVERY, AddressList, InvalidAddressList
from mailward.guard.source import Source

EVERYONE = ("0.0.0.0/0", "::/0")
DOOR = "127.0.0.1:587"


async def resolve(_name: str) -> tuple[Sequence[Source], float]:
    return (ip_address("203.0.113.9"),), 60.0


def rule(where: str, allow: Sequence[str] = EVERYONE, block: Sequence[str] = (), *, base: Path = Path()) -> Rule:
    return Rule(
        AddressList.parse(allow, base=base, key=f"{where}.allow"),
        AddressList.parse(block, base=base, key=f"{where}.block"),
    )


ACCESS = Access(
    rule("everywhere", ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"], ["192.0.2.128/25"]),
    {DOOR: rule("door", ["192.0.2.0/24", "203.0.113.0/24"], ["192.0.2.64/26"])},
)


@pytest.mark.parametrize(
    "source,listener,allowed,told",
    [
        ("192.0.2.7", DOOR, True, "allowed by 192.0.2.0/24 in door.allow"),
        ("192.0.2.7", "other", True, "allowed by 192.0.2.0/24 in everywhere.allow"),
        ("192.0.2.65", DOOR, False, "refused by 192.0.2.64/26 in door.block"),
        ("192.0.2.65", "other", True, "allowed by 192.0.2.0/24 in everywhere.allow"),
        ("192.0.2.129", DOOR, False, "refused by 192.0.2.128/25 in everywhere.block"),
        ("198.51.100.1", DOOR, False, "refused: not in door.allow"),
        ("198.51.100.1", "other", True, "allowed by 198.51.100.0/24 in everywhere.allow"),
        ("203.0.113.1", DOOR, False, "refused: not in everywhere.allow"),
        ("2001:db8::1", "other", True, "allowed by 2001:db8::/32 in everywhere.allow"),
        ("::ffff:192.0.2.129", "other", False, "refused by 192.0.2.128/25 in everywhere.block"),
    ],
)
def test_rules(source: str, listener: str, allowed: bool, told: str) -> None:
    """Both rules must allow, a block beats any allowance, and the story told is the decision taken."""
    ruling = ACCESS.describe(ip_address(source), listener)

    assert ACCESS.allows(ip_address(source), listener) is ruling.allowed is allowed
    assert str(ruling) == told


def test_what_changes_is_brought_in(tmp_path: Path) -> None:
    """All four lists are loaded, refreshed and asked for their faults."""
    for name in "abcd":
        (tmp_path / name).write_text("192.0.2.0/24\n" if name in "ac" else "")
    access = Access(
        rule("everywhere", ["file:a", "dns:home.example.net"], ["file:b"], base=tmp_path),
        {DOOR: rule("door", ["file:c", "dns:home.example.net"], ["file:d"], base=tmp_path)},
    )
    access.load()
    home, office = ip_address("203.0.113.9"), ip_address("192.0.2.7")

    assert access.due(0)
    asyncio.run(access.refresh(resolve, 0))
    assert access.allows(home, DOOR)
    assert access.allows(office, DOOR)
    assert not access.due(EVERY - 1)
    (tmp_path / "d").write_text("192.0.2.0/24\n")
    (tmp_path / "b").write_text("rubbish\n")
    asyncio.run(access.refresh(resolve, EVERY))

    assert not access.allows(office, DOOR)
    assert access.allows(office, "other")
    assert str(access.describe(office, DOOR)) == f"refused by file:{tmp_path / 'd'} in door.block"
    (fault,) = access.faults()
    assert fault.startswith("everywhere.block: ")


def test_slow_names_are_asked_together() -> None:
    """A name server that takes its time is waited for once, whatever the number of lists and names."""
    waiting = 0
    most = 0

    async def slow(_name: str) -> tuple[Sequence[Source], float]:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.01)
        waiting -= 1
        return (ip_address("203.0.113.9"),), 60.0

    names = ["dns:a.example.net", "dns:b.example.net"]
    access = Access(rule("everywhere", names, names), {DOOR: rule("door", names)})
    asyncio.run(access.refresh(slow, 0))

    assert most == 6
    assert not access.allows(ip_address("203.0.113.9"), DOOR)


def test_a_bad_file_at_the_start(tmp_path: Path) -> None:
    """The server does not start with a block list that it cannot read."""
    with pytest.raises(InvalidAddressList, match="missing") as caught:
        Access(rule("everywhere", block=["file:missing"], base=tmp_path)).load()

    assert caught.value.key == "everywhere.block"
