"""The accounts of this installation: found at each login, changed from the command line, in one database."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Protocol, TypeVar

from mailward.accounts import policy
from mailward.accounts.account import Account, canonical, sender_key
from mailward.accounts.hasher import Hasher
from mailward.errors import InputError, PasswordRefused, StoreError
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.scram import SALT_OCTETS, derive_keys
from mailward.secret import Secret
from mailward.store import accounts as table
from mailward.store.accounts import AccountRow

T = TypeVar("T")
_NAMES_COMPARED = 2000


class Run(Protocol):
    """`Writer.run`: carry the operation out and come back after the commit."""

    def __call__(self, operation: Callable[[sqlite3.Connection], T], /) -> T: ...


class Accounts:
    """reader: of the calling thread. Every `find` reads the database, so what another process changes counts at once.

    now: Unix seconds. words: what no password may hold, besides the account's name and the host's.
    """

    def __init__(
        self,
        reader: sqlite3.Connection,
        run: Run,
        *,
        hasher: Hasher,
        now: Callable[[], float],
        words: Iterable[str] = (),
    ) -> None:
        self._reader = reader
        self._run = run
        self._hasher = hasher
        self._words = tuple(words)
        self._now = now

    def find(self, name: str) -> Account | None:
        """The account of this name in any spelling; None also for what can be no account's name."""
        try:
            return self.find_key(canonical(name))
        except InputError:
            return None

    def find_key(self, key: str) -> Account | None:
        """The account of exactly this canonical name: one look-up by primary key."""
        row = table.find(self._reader, key)
        return None if row is None else _account(row)

    def add(self, name: str, password: Secret, *, senders: Iterable[str] = (), hostname: str = "") -> Account:
        """A new account. InputError: the name or a sender is none, or is taken. PasswordRefused: with every reason."""
        key = canonical(name)
        listed = _senders(senders)
        if table.find(self._reader, key) is not None:
            raise _taken(key)
        row = self._row(key, password, listed, hostname=hostname)
        if not self._run(table.insert(row)):
            raise _taken(key)
        return _account(row)

    def set_password(self, name: str, password: Secret, *, hostname: str = "") -> None:
        """InputError: no such account. PasswordRefused: with every reason."""
        key = self._existing(name)
        row = self._row(key, password, "[]", hostname=hostname)
        if not self._run(table.replace_password(row)):
            raise self._unknown(key)

    def remove(self, name: str) -> None:
        """InputError: no such account."""
        key = self._existing(name)
        if not self._run(table.remove(key)):
            raise self._unknown(key)

    def listing(self) -> tuple[Account, ...]:
        """Every account, by name."""
        return tuple(map(_account, table.listing(self._reader)))

    def _existing(self, name: str) -> str:
        key = canonical(name)
        if table.find(self._reader, key) is None:
            raise self._unknown(key)
        return key

    def _row(self, key: str, password: Secret, senders: str, *, hostname: str) -> AccountRow:
        reasons = policy.check(password.reveal(), account=key, hostname=hostname, words=self._words)
        if reasons:
            raise PasswordRefused(reasons)
        scram = derive_keys(password.reveal(), secrets.token_bytes(SALT_OCTETS))
        now = self._now()
        return AccountRow(
            name=key,
            verifier=self._hasher.hash(password),
            scram_salt=scram.salt,
            scram_iterations=scram.iterations,
            scram_stored_key=scram.stored_key,
            scram_server_key=scram.server_key,
            senders=senders,
            created=now,
            changed=now,
        )

    def _unknown(self, key: str) -> InputError:
        near = get_close_matches(key, table.names(self._reader, _NAMES_COMPARED), n=1)
        hint = f"; is it {near[0]!r}?" if near else ""
        return InputError(f"there is no account {key!r}{hint}", phase="account", advice="mailward user list")


def _taken(key: str) -> InputError:
    return InputError(
        f"there is an account {key!r} already", phase="account", advice="mailward user passwd changes its password"
    )


def _senders(addresses: Iterable[str]) -> str:
    return json.dumps(sorted({sender_key(address) for address in addresses}), ensure_ascii=False)


def _account(row: AccountRow) -> Account:
    own = (row.name,) if "@" in row.name else ()
    return Account(
        name=row.name,
        verifier=row.verifier,
        scram=ScramKeys(row.scram_salt, row.scram_iterations, row.scram_stored_key, row.scram_server_key),
        senders=tuple(dict.fromkeys((*own, *_listed(row)))),
        created=row.created,
        changed=row.changed,
    )


def _listed(row: AccountRow) -> tuple[str, ...]:
    try:
        return tuple(str(address) for address in json.loads(row.senders))
    except (ValueError, TypeError) as error:
        raise StoreError(f"the senders of the account {row.name!r} are damaged", phase="store") from error
