"""Accounts read from the database, with what the rules of age and the configuration file say of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Protocol, TypeVar

from mailward.accounts.account import Account, AccountOverride, canonical
from mailward.accounts.breached import BreachedSet
from mailward.accounts.hasher import Hasher
from mailward.accounts.rotation import Overlap
from mailward.accounts.rows import account_of, overridden
from mailward.accounts.rules import NIST, PasswordRules
from mailward.errors import InputError
from mailward.printable import printable
from mailward.store import accounts as table
from mailward.store.accounts import AccountRow

T = TypeVar("T")
_NAMES_COMPARED = 2000
_MOST_NETWORKS = 256


class Run(Protocol):
    """`Writer.run`: carry the operation out and come back after the commit."""

    def __call__(self, operation: Callable[[sqlite3.Connection], T], /) -> T: ...


class FoundAccounts:
    """reader: of the calling thread. Every `find` reads the database, so what another process changes counts at once.

    now: Unix seconds. words: what no password may hold, besides the account's name and the host's. breached: the
    passwords that are known elsewhere. overrides: what the configuration file says, by name.
    """

    def __init__(
        self,
        reader: sqlite3.Connection,
        run: Run,
        *,
        hasher: Hasher,
        now: Callable[[], float],
        words: Iterable[str] = (),
        rules: PasswordRules = NIST,
        breached: BreachedSet | None = None,
        overrides: Mapping[str, AccountOverride] | None = None,
        overlap: Overlap | None = None,
    ) -> None:
        self._reader = reader
        self._run = run
        self._hasher = hasher
        self._words = tuple(words)
        self._now = now
        self._rules = rules
        self._breached = breached
        self._overlap = overlap or Overlap()
        self._overrides = {canonical(name): override for name, override in (overrides or {}).items()}

    def find(self, name: str) -> Account | None:
        """The account of this name in any spelling; None also for what can be no account's name."""
        try:
            return self.find_key(canonical(name))
        except InputError:
            return None

    def find_key(self, key: str) -> Account | None:
        """The account of exactly this canonical name: one statement, two look-ups by index."""
        row = table.find(self._reader, key)
        return None if row is None else self._account(row)

    def listing(self) -> tuple[Account, ...]:
        """Every account, by name."""
        return tuple(map(self._account, table.listing(self._reader)))

    def existing(self, name: str) -> Account:
        """InputError: no such account, with the name that may have been meant."""
        key = canonical(name)
        found = self.find_key(key)
        if found is None:
            raise self._unknown(key)
        return found

    def overridden(self, account: Account) -> Account:
        """One that is kept elsewhere, with what the configuration file says of it."""
        override = self._overrides.get(account.name)
        return account if override is None else overridden(account, override)

    def _account(self, row: AccountRow) -> Account:
        return account_of(row, self._rules, self._overrides.get(row.name))

    def _unknown(self, key: str) -> InputError:
        near = get_close_matches(key, table.names(self._reader, _NAMES_COMPARED), n=1)
        hint = f"; is it {near[0]!r}?" if near else ""
        return InputError(f"there is no account {key!r}{hint}", phase="account", advice="mailward user list")


def checked_networks(entries: Iterable[str]) -> tuple[str, ...]:
    """Networks in their one spelling. Raises InputError that names the entry."""
    networks = tuple(dict.fromkeys(map(_network, entries)))
    if len(networks) > _MOST_NETWORKS:
        raise InputError(f"more than {_MOST_NETWORKS} networks", phase="account", advice="name larger networks")
    return networks


def _network(entry: str) -> str:
    """Only what the guard reads too: no zone, and the prefix length as a number."""
    address, slash, length = entry.strip().partition("/")
    try:
        if "%" in address or (slash and not (length.isascii() and length.isdigit())):
            raise ValueError(entry)
        return str(ip_network(address + slash + length))
    except ValueError as error:
        raise InputError(
            f"{printable(entry, 80)!r} is no network", phase="account", advice="write 192.0.2.0/24 or 2001:db8::/32"
        ) from error
