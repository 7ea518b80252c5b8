"""Postfix's socketmap tables: who is banned, which accounts there are, and who may use which sender."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from mailward.accounts.account import Account, sender_key
from mailward.errors import InputError, ProtocolError, StoreError
from mailward.guard.source import canonical_source
from mailward.integrations.clearance import Clearance
from mailward.integrations.netstring import NetstringReader, netstring
from mailward.integrations.opening import Channel
from mailward.printable import printable

_NOT_FOUND: Final = "NOTFOUND "
_LOOKED_UP: Final = 5.0  # seconds that the list of senders is used before it is read again
_log = logging.getLogger("mailward.integrations")


class Senders:
    """Which accounts may use an envelope sender: the other way round than they are kept, so read together."""

    def __init__(self, listing: Callable[[], Iterable[Account]], monotonic: Callable[[], float]) -> None:
        self._listing = listing
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._owners: dict[str, list[str]] = {}

    def owners(self, address: str) -> list[str]:
        """The names of the accounts. StoreError when nobody can tell."""
        now = self._monotonic()
        if now - self._read_at > _LOOKED_UP:
            owners: dict[str, list[str]] = {}
            for account in self._listing():
                for key in () if account.disabled else account.senders:
                    owners.setdefault(key, []).append(account.name)
            self._owners, self._read_at = owners, now
        try:
            return self._owners.get(sender_key(address), [])
        except InputError:
            return []


class Tables:
    """The tables by name. Each key is looked up in the spelling of its kind; what has none is not found."""

    def __init__(self, clearance: Clearance, senders: Senders) -> None:
        self._clearance = clearance
        self._senders = senders
        self._tables = {"bans": self._ban, "accounts": self._account, "senders": self._sender}

    def answer(self, request: bytes) -> str:
        """`OK value`, `NOTFOUND `, `TEMP reason` or `PERM reason`."""
        name, space, key = request.partition(b" ")
        table = self._tables.get(name.decode("ascii", "replace"))
        if table is None or not space:
            return f"PERM no table {printable(name, 40)}; there are {', '.join(self._tables)}"
        try:
            value = table(key.decode())
        except UnicodeDecodeError:
            return _NOT_FOUND
        except StoreError as problem:
            _log.error("no answer for a table: %s", problem)
            return "TEMP the table cannot be read"
        return f"OK {value}" if value is not None else _NOT_FOUND

    def _ban(self, key: str) -> str | None:
        """Postfix asks for host names and parts of addresses as well: those are nobody's."""
        try:
            source = canonical_source(key)
        except InputError:
            return None
        return self._clearance.ban(source)

    def _account(self, key: str) -> str | None:
        account = self._clearance.account(key)
        return None if account is None or account.disabled else account.name

    def _sender(self, key: str) -> str | None:
        return ",".join(self._senders.owners(key)) or None


class Socketmap:
    """One connection. Each request is answered before the next is heard."""

    def __init__(self, tables: Tables, channel: Channel) -> None:
        self._tables = tables
        self._channel = channel
        self._reader = NetstringReader()

    def received(self, data: bytes) -> None:
        try:
            for request in self._reader.feed(data):
                self._channel.write(netstring(self._tables.answer(request).encode()))
        except ProtocolError as problem:
            _log.warning("a connection was closed: %s", problem)
            self._channel.close()

    def lost(self) -> None:
        """Nothing is under way."""
