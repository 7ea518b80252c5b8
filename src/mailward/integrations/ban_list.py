"""The bans in force as an operator's program sees them: listed, added, and lifted, each with its event."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from mailward.accounts.account import canonical
from mailward.errors import InputError, StoreError
from mailward.events import BanAdded, BanRemoved, Event
from mailward.guard.source import canonical_source, looks_like_address, ring
from mailward.store import bans as store
from mailward.store.bans import Ban, Operation, Submit

T = TypeVar("T")
_BY = "operator"


class BanList:
    """Loop thread only. reader: of that thread. submit: of the writer."""

    def __init__(
        self,
        *,
        reader: sqlite3.Connection,
        submit: Submit,
        record: Callable[[Event], None],
        utc: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._submit = submit
        self._record = record
        self._utc = utc

    def listing(self) -> tuple[Ban, ...]:
        """The newest last. Raises StoreError."""
        return store.listing(self._reader, self._utc().timestamp())

    async def add(self, subject: str, *, seconds: float) -> Ban:
        """In force when this returns. subject: as `subject_of` gives it. Raises StoreError."""
        now = self._utc()
        ban = Ban(subject, _BY, now.timestamp(), now.timestamp() + seconds, rule=_BY, by=_BY)
        await self._done(store.insert(ban))
        self._record(BanAdded(time=now, subject=subject, reason=_BY, until=ban.until))
        return ban

    async def remove(self, subject: str) -> bool:
        """False: there was none. Raises StoreError."""
        removed = bool(await self._done(store.remove(subject)))
        if removed:
            self._record(BanRemoved(time=self._utc(), subject=subject, reason=_BY))
        return removed

    async def _done(self, operation: Operation[T]) -> T | None:
        """Back when it is on disk."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def done(result: T | None, problem: StoreError | None) -> None:
            if answer.done():
                return
            if problem is not None:
                answer.set_exception(problem)
            else:
                answer.set_result(result)

        self._submit(operation, done)
        return await answer


def subject_of(text: str) -> str:
    """`ip:…` or `account:…` for an address or an account, with or without that prefix. Raises InputError."""
    kind, _, rest = text.partition(":")
    if kind == "account":
        return f"account:{canonical(rest)}"
    address = rest if kind == "ip" else text
    try:
        return ring(canonical_source(address.removesuffix("/64")))
    except InputError:
        if kind == "ip" or looks_like_address(text):
            raise
    return f"account:{canonical(text)}"
