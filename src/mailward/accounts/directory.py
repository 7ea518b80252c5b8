"""The accounts of this installation: found at each login, changed from the command line, in one database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Final

from mailward.accounts.account import Account, canonical, sender_key
from mailward.accounts.finding import checked_networks
from mailward.accounts.password_changes import PasswordChanges
from mailward.accounts.second_factor import SecondFactor
from mailward.errors import InputError, PasswordRefused
from mailward.sasl.scram import SALT_OCTETS, derive_keys
from mailward.secret import Secret
from mailward.store import accounts as table
from mailward.store import credentials
from mailward.store.accounts import AccountRow
from mailward.store.credentials import NewPassword

NOTED_EVERY: Final = 3600.0  # seconds: how exactly a last use is known


class Accounts(PasswordChanges, SecondFactor):
    """Every change is one transaction, and counts at the next login in every process."""

    def add(self, name: str, password: Secret, *, senders: Iterable[str] = (), hostname: str = "") -> Account:
        """A new account. InputError: the name or a sender is none, or is taken. PasswordRefused: with every reason."""
        key, listed = self._free(name, senders)
        reasons = self.policy_reasons(key, password, hostname=hostname, second_factor=False)
        if reasons:
            raise PasswordRefused(reasons)
        scram = derive_keys(password.reveal(), secrets.token_bytes(SALT_OCTETS))
        now = self._now()
        row = AccountRow(key, scram.salt, scram.iterations, listed, now, now)
        new = NewPassword(self._hasher.hash(password), scram.stored_key, scram.server_key, now)
        if not self._run(table.insert(row, new)):
            raise _taken(key)
        return self.existing(key)

    def remove(self, name: str) -> None:
        """InputError: no such account."""
        account = self.existing(name)
        if not self._run(table.remove(account.name)):
            raise self._unknown(account.name)

    def change(
        self,
        name: str,
        *,
        allow_from: Iterable[str] | None = None,
        senders: Iterable[str] = (),
        without_senders: Iterable[str] = (),
        disabled: bool | None = None,
        second_factor: bool | None = None,
        must_change: bool | None = None,
    ) -> Account:
        """What is given is changed, all at once; the account as it is then.

        allow_from: instead of those before; empty: from everywhere. senders: besides those before. InputError.
        """
        account = self.existing(name)
        values: dict[str, str | int] = {
            column: int(value)
            for column, value in (
                ("disabled", disabled),
                ("second_factor", second_factor),
                ("must_change", must_change),
            )
            if value is not None
        }
        if allow_from is not None:
            values["allow_from"] = json.dumps(checked_networks(allow_from))
        more, less = frozenset(map(sender_key, senders)), frozenset(map(sender_key, without_senders))
        if not self._run(table.change(account.name, values, more=more, less=less, now=self._now())):
            raise self._unknown(account.name)
        return self.existing(account.name)

    def used(self, name: str, number: int, now: float) -> None:
        """A login with this credential succeeded. Written at most once an hour, and from any thread."""
        self._run(credentials.used(name, number, now=now, every=NOTED_EVERY))

    def _free(self, name: str, senders: Iterable[str]) -> tuple[str, str]:
        key = canonical(name)
        listed = json.dumps(sorted({sender_key(address) for address in senders}), ensure_ascii=False)
        if table.find(self._reader, key) is not None:
            raise _taken(key)
        return key, listed


def _taken(key: str) -> InputError:
    return InputError(
        f"there is an account {key!r} already", phase="account", advice="mailward user passwd changes its password"
    )
