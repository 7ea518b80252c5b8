"""Play a story against a defence and count."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.attacks.defences import DEFENCES, Defence
from benchmarks.attacks.stories import STORIES
from benchmarks.attacks.story import DAY, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """guesses: the attack's passwords that were looked at. worst: the most on one account within 24 hours from sources
    the account did not know. honest: right passwords of honest people; refused: those that were not let in.
    detected: seconds from the attack's first try until one of its tries was not looked at; None: never, or no attack.
    memory: octets that Python took while it ran. seconds: of processor time.
    """

    story: str
    told: str
    defence: str
    tries: int
    guesses: int
    worst: int
    honest: int
    refused: int
    detected: float | None
    memory: int
    seconds: float


def simulate(seed: int = 1) -> list[Figures]:
    """Every story against every defence; the same seed gives the same figures."""
    return [play(make(random.Random(seed)), defence) for make in STORIES for defence in DEFENCES]


def play(story: Story, make: Callable[[Story], Defence], *, measured: bool = True) -> Figures:
    """measured: the memory too, which makes it some times slower."""
    if measured:
        tracemalloc.start()
    started = time.process_time()
    defence = make(story)
    passwords, changes = dict(story.passwords), list(story.changes)
    count: Counter[str] = Counter()
    looked: dict[str, list[float]] = {}
    began: float | None = None
    detected: float | None = None
    for each in story.tries:
        while changes and changes[0].time <= each.time:
            change = changes.pop(0)
            passwords[change.account] = change.password
        right = passwords.get(each.account) == each.password
        stranger = not defence.known(each.account, each.source)
        heard = defence.meet(each, right=right)
        if each.honest:
            count["honest"] += right
            count["refused"] += right and not heard
            continue
        began = each.time if began is None else began
        if heard:
            count["guesses"] += 1
            if stranger:
                looked.setdefault(each.account, []).append(each.time)
        elif detected is None:
            detected = each.time - began
    memory = tracemalloc.get_traced_memory()[1] if measured else 0
    if measured:
        tracemalloc.stop()
    return Figures(
        story=story.name,
        told=story.told,
        defence=defence.name,
        tries=sum(not each.honest for each in story.tries),
        guesses=count["guesses"],
        worst=max((_most_in_a_day(times) for times in looked.values()), default=0),
        honest=count["honest"],
        refused=count["refused"],
        detected=detected,
        memory=memory,
        seconds=time.process_time() - started,
    )


def _most_in_a_day(times: list[float]) -> int:
    """The most of these moments, in order, within any 24 hours."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] <= moment - DAY:
            first += 1
        most = max(most, last - first + 1)
    return most
