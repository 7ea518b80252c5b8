"""The guard of an installation, to look at from outside: its server may run or not, and hears nothing of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import msgspec

from mailward.errors import InvalidConfig, StoreError
from mailward.guard.access import Access
from mailward.guard.address_list import AddressList
from mailward.guard.guard import Guard
from mailward.guard.settings import GuardSettings
from mailward.guard.source import Source
from mailward.guard.standing import Standing
from mailward.guard.state import GuardState
from mailward.guard.verdict import Attempt, Verdict
from mailward.net.dns import Dns
from mailward.server import config_values
from mailward.store.bans import Bans, KnownSources

if TYPE_CHECKING:
    import sqlite3

    from mailward.server.config_sections import Config, ListenerConfig

_NOBODY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class GuardView:
    """`guard` judges on a copy of the counters. no_counters: why it has none to judge on; "" if it has.

    faults: what is wrong with the lists of addresses now, a sentence each. listeners: what events call them.
    """

    settings: GuardSettings
    state: GuardState
    guard: Guard
    access: Access
    never_ban: AddressList
    no_counters: str
    faults: tuple[str, ...]
    listeners: tuple[str, ...]

    def verdict(self, source: Source, account: str, listener: str, *, barred: bool = False) -> Verdict:
        """What a login would be told now. Nothing is counted, here or anywhere."""
        attempt = Attempt(source, account, "", listener, "", barred)
        verdict = self.guard.judge(attempt)
        self.guard.abandoned(attempt)
        return verdict

    def of_account(self, account: str) -> tuple[Standing, ...]:
        """How an account stands with addresses that it does not know; a ban that was lifted is none."""
        self.verdict(_NOBODY, account, "")  # judging forgets, in the copy, what was held against who was lifted
        return self.guard.standing(account=account)


@contextmanager
def opened(config: Config, reader: sqlite3.Connection, *, now: Callable[[], float]) -> Iterator[GuardView]:
    """Asks the DNS for the host names in the lists; what is wrong with a list is told, and no reason to stop."""
    settings = GuardSettings(**msgspec.structs.asdict(config.guard))
    listeners = tuple(map(listener_name, config.listener))
    access, never_ban = config_values.lists_of(config, listeners)
    faults = brought_in(access, never_ban, now=now())
    state, no_counters = _state(config, settings)
    guard = Guard(
        settings,
        access,
        state=state,
        bans=Bans(reader, _nothing),
        known=KnownSources(reader, _nothing),
        now=now,
        never_ban=never_ban,
    )
    try:
        yield GuardView(settings, state, guard, access, never_ban, no_counters, faults, listeners)
    finally:
        state.close()


def listener_name(listener: ListenerConfig) -> str:
    host = listener.host
    return f"[{host}]:{listener.port}" if ":" in host else f"{host}:{listener.port}"


def _state(config: Config, settings: GuardSettings) -> tuple[GuardState, str]:
    path = config.state_path / "guard.state"
    no_counters = f"{path} is not there: no server has counted anything yet"
    if path.exists():
        try:
            return GuardState.copy(path, key_source=secrets.token_bytes), ""
        except StoreError as problem:
            no_counters = problem.message
    empty = GuardState.in_memory(
        sources=settings.tracked_sources, accounts=settings.tracked_accounts, key_source=secrets.token_bytes
    )
    return empty, no_counters


def brought_in(*lists: Access | AddressList, now: float) -> tuple[str, ...]:
    """Read their files and ask for their host names; what is wrong with them, a sentence each."""
    faults: list[str] = []
    for each in lists:
        try:
            each.load()
        except InvalidConfig as problem:
            faults.append(problem.message)

    async def refresh() -> None:
        resolve = Dns()
        for each in lists:
            if each.due(now):
                await each.refresh(resolve, now)

    asyncio.run(refresh())
    for each in lists:
        key = f"{each.key}: " if isinstance(each, AddressList) and each.key else ""
        faults += [f"{key}{fault}" for fault in each.faults()]
    return tuple(dict.fromkeys(faults))


def _nothing(_operation: object, _done: object) -> None:
    """Where a server would write: a view does not."""
