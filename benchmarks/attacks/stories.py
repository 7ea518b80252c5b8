"""The published scenarios. Each is a function of a seeded source of chance, and found by its name here."""

from __future__ import annotations

import random
from collections.abc import Callable
from ipaddress import IPv4Address

from benchmarks.attacks.story import DAY, HOUR, MINUTE, Change, Story, Town, Try

VICTIM = "user0@example.test"
COMMON = ("Summer2024!", "Password1!", "Welcome123", "Qwerty123!", "Company2024")


def brute_force(chance: random.Random) -> Story:
    """One machine, one account, ten thousand passwords."""
    town, source = Town(chance), Town(chance, people=0).anywhere()
    attack = [
        Try(time, source, VICTIM, f"guess {at}", honest=False) for at, time in enumerate(town.about(DAY / 10_000))
    ]
    return town.story("brute force", "1 address, 1 account, a guess every 9 s", town.days(), attack)


def spraying(chance: random.Random) -> Story:
    """Five common passwords, two thousand names, two hundred addresses."""
    town = Town(chance)
    sources = [town.anywhere() for _ in range(200)]
    names = [*town.passwords, *(f"name{number}@example.test" for number in range(1960))]
    pairs = [(name, password) for password in COMMON for name in chance.sample(names, len(names))]
    attack = [Try(DAY * at / len(pairs), chance.choice(sources), *pair, honest=False) for at, pair in enumerate(pairs)]
    return town.story("spraying", "200 addresses, 2,000 names, 5 passwords", town.days(), attack)


def stuffing(chance: random.Random) -> Story:
    """Ten thousand leaked pairs, each tried once, from five thousand addresses."""
    town = Town(chance)
    sources = [town.anywhere() for _ in range(5000)]
    names = list(town.passwords)
    attack = [
        Try(
            DAY * at / 10_000,
            chance.choice(sources),
            chance.choice(names) if chance.random() < 0.05 else f"leaked{at}@example.test",
            f"leaked password {at}",
            honest=False,
        )
        for at in range(10_000)
    ]
    return town.story("stuffing", "5,000 addresses, 10,000 leaked pairs", town.days(), attack)


def distributed(chance: random.Random) -> Story:
    """Twenty thousand machines guess at one account, each once: slow, and never the same address again."""
    town = Town(chance)
    attack = [
        Try(time, town.anywhere(), VICTIM, f"guess {at}", honest=False)
        for at, time in enumerate(town.about(DAY / 20_000))
    ]
    return town.story("distributed", "20,000 addresses, 1 account, 1 guess each", town.days(), attack)


def office(chance: random.Random) -> Story:
    """Thirty people behind one address; three devices there kept last week's password and try it day and night."""
    town, nat = Town(chance, people=0), IPv4Address("203.0.113.5")
    for number in range(30):
        town.settle(f"user{number}@example.test", nat)
    stale = [
        Try(time, nat, f"user{number}@example.test", "last week's password")
        for number in range(3)
        for time in town.about(5 * MINUTE)
    ]
    return town.story("office behind NAT", "30 people, 3 devices with an old password", town.days(), stale)


def roaming(chance: random.Random) -> Story:
    """Somebody travels: a new address every two hours, and a typing mistake now and then."""
    town = Town(chance)
    times = town.about(2 * HOUR)
    way = [town.anywhere() for _ in times]
    travel = [Try(time, source, VICTIM, town.passwords[VICTIM]) for time, source in zip(times, way, strict=True)]
    slips = [
        Try(time - 20, source, VICTIM, f"mistyped {at}")
        for at, (time, source) in enumerate(zip(times, way, strict=True))
        if at % 3 == 0
    ]
    return town.story(
        "roaming user",
        "a new address every 2 h, some typing mistakes",
        town.days(but=frozenset({VICTIM})),
        travel,
        slips,
    )


def proxy(chance: random.Random) -> Story:
    """A webmail server logs five hundred people in from its one address; somebody guesses through it too."""
    town, webmail = Town(chance, people=0), IPv4Address("203.0.113.80")
    for number in range(500):
        town.settle(f"user{number}@example.test", webmail)
    slips = [
        Try(time, webmail, f"user{chance.randrange(500)}@example.test", f"mistyped {at}")
        for at, time in enumerate(town.about(6 * MINUTE))
    ]
    attack = [
        Try(time, webmail, f"name{at % 3}@example.test", f"guess {at}", honest=False)
        for at, time in enumerate(town.about(MINUTE))
    ]
    return town.story(
        "shared proxy",
        "500 people through 1 named proxy, a guesser too",
        town.days(),
        slips,
        attack,
        proxies=(webmail,),
    )


def cgnat(chance: random.Random) -> Story:
    """Sixty customers of a mobile network share an address with an infected machine that guesses."""
    town, shared = Town(chance), IPv4Address("203.0.113.200")
    for number in range(60):
        town.settle(f"mobile{number}@example.test", shared)
    attack = [
        Try(time, shared, f"user{at % 7}@example.test", f"guess {at}", honest=False)
        for at, time in enumerate(town.about(30.0))
    ]
    return town.story("CGNAT", "60 customers and an infected machine, 1 address", town.days(), attack)


def changed(chance: random.Random) -> Story:
    """A new password at noon; four devices at home and a telephone on the road keep the old one until the evening."""
    town, noon, new = Town(chance), 12 * HOUR, "the new one"
    old, home = town.passwords[VICTIM], town.homes[VICTIM]
    before = [each for each in town.day_of(VICTIM) if each.time < noon]
    stale = [
        Try(time, home, VICTIM, old) for _ in range(4) for time in town.about(5 * MINUTE, begin=noon, end=18 * HOUR)
    ]
    road = [Try(time, town.anywhere(), VICTIM, old) for time in town.about(20 * MINUTE, begin=noon, end=18 * HOUR)]
    after = [Try(time, home, VICTIM, new) for time in town.about(HOUR, begin=noon)]
    elsewhere = [Try(time, town.anywhere(), VICTIM, new) for time in town.about(3 * HOUR, begin=noon + HOUR)]
    return town.story(
        "changed password",
        "5 devices keep the old one for 6 h",
        town.days(but=frozenset({VICTIM})),
        before,
        stale,
        road,
        after,
        elsewhere,
        changes=(Change(noon, VICTIM, new),),
    )


STORIES: tuple[Callable[[random.Random], Story], ...] = (
    brute_force,
    spraying,
    stuffing,
    distributed,
    office,
    roaming,
    proxy,
    cgnat,
    changed,
)
