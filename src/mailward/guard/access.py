"""Who may log in by which door: everywhere and at a listener, allowed and blocked; a block beats any allowance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailward.guard.address_list import AddressList
from mailward.guard.address_name import Resolve
from mailward.guard.source import Source


@dataclass(frozen=True, slots=True)
class Ruling:
    """`allowed`, and which list decided: its key in the configuration, and the entry in it if one had the source."""

    allowed: bool
    list: str
    entry: str | None

    def __str__(self) -> str:
        if self.entry is None:
            return f"{'allowed' if self.allowed else 'refused'}: not in {self.list}"
        return f"{'allowed' if self.allowed else 'refused'} by {self.entry} in {self.list}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One pair of lists: who is in `allow` and not in `block`."""

    allow: AddressList
    block: AddressList

    def allows(self, source: Source) -> bool:
        return source not in self.block and source in self.allow


class Access:
    """`everywhere` and, for listeners that have one, their own rule: both must allow."""

    def __init__(self, everywhere: Rule, listeners: Mapping[str, Rule] | None = None) -> None:
        self._everywhere = everywhere
        self._listeners = dict(listeners or {})

    def allows(self, source: Source, listener: str) -> bool:
        """Whether a login from `source` at `listener` may succeed."""
        own = self._listeners.get(listener)
        return self._everywhere.allows(source) and (own is None or own.allows(source))

    def describe(self, source: Source, listener: str) -> Ruling:
        """Why `allows` says what it says."""
        rules = self._rules(listener)
        for rule in rules:
            entry = rule.block.entry_of(source)
            if entry is not None:
                return Ruling(allowed=False, list=rule.block.key, entry=entry)
        for rule in rules:
            if source not in rule.allow:
                return Ruling(allowed=False, list=rule.allow.key, entry=None)
        return Ruling(allowed=True, list=rules[-1].allow.key, entry=rules[-1].allow.entry_of(source))

    def load(self) -> None:
        """Read the files of all lists. Raises InvalidAddressList."""
        for each in self._lists():
            each.load()

    def due(self, now: float) -> bool:
        return any(each.due(now) for each in self._lists())

    async def refresh(self, resolve: Resolve, now: float) -> None:
        """Bring in what has changed in any list; all at once, so that one slow name server costs its time once."""
        async with asyncio.TaskGroup() as group:
            for each in self._lists():
                if each.due(now):
                    group.create_task(each.refresh(resolve, now))

    def faults(self) -> tuple[str, ...]:
        """What is wrong with any list now, a sentence each."""
        return tuple(f"{each.key}: {fault}" for each in self._lists() for fault in each.faults())

    def _rules(self, listener: str) -> tuple[Rule, ...]:
        own = self._listeners.get(listener)
        return (self._everywhere,) if own is None else (self._everywhere, own)

    def _lists(self) -> Iterator[AddressList]:
        for rule in (self._everywhere, *self._listeners.values()):
            yield rule.allow
            yield rule.block
