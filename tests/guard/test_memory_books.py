"""Books that are kept nowhere."""

from __future__ import annotations

from mailward.guard.memory_books import MemoryBans, MemoryKnown


def test_bans_end() -> None:
    """A ban is found until it is swept, and each that ends is told."""
    bans, told = MemoryBans(), list[str]()
    bans.add("ip:192.0.2.7", reason="source-failures", added=0.0, until=10.0, times=1)
    bans.add("ip:192.0.2.8", reason="source-failures", added=0.0, until=20.0, times=1)
    bans.settled("ip:192.0.2.8")
    bans.expire(10.0, told.append)

    assert told == ["ip:192.0.2.7"]
    found = bans.found(["ip:192.0.2.7", "ip:192.0.2.8"])
    assert {subject: (line.until, line.by, line.lifted) for subject, line in found.items()} == {
        "ip:192.0.2.8": (20.0, "guard", False)
    }
    assert bans.added == 2


def test_known_pairs() -> None:
    """Known since its last login, until it is forgotten."""
    known = MemoryKnown()
    known.saw("ann", "ip:1", now=10.0)
    known.saw("bob", "ip:1", now=20.0)

    assert known.knows("ann", "ip:1", since=10.0)
    assert not known.knows("ann", "ip:1", since=11.0)
    assert (known.known_accounts("ip:1", since=0.0), known.known_accounts("ip:1", since=15.0)) == (2, 1)
    known.expire(before=15.0)
    known.forget("bob", "ip:1")
    known.forget("bob", "ip:1")
    assert known.known_accounts("ip:1", since=0.0) == 0


def test_their_number_is_bounded() -> None:
    """Beyond it, whoever logged in longest ago is a stranger."""
    known = MemoryKnown(most=2)
    for moment, account in enumerate(("ann", "bob", "ann", "cid")):
        known.saw(account, "ip:1", now=float(moment))

    assert [name for name in ("ann", "bob", "cid") if known.knows(name, "ip:1", since=0.0)] == ["ann", "cid"]
    assert known.known_accounts("ip:1", since=0.0) == 2
