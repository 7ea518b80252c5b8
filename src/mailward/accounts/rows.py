"""From what the store keeps to an `Account`: the rules of age applied, the configuration file's word on top."""

from __future__ import annotations

import json
from dataclasses import replace

from mailward.accounts.account import Account, AccountOverride, AppPassword, StoredPassword, sender_key
from mailward.accounts.rotation import span
from mailward.accounts.rules import PasswordRules
from mailward.errors import StoreError
from mailward.sasl.mechanism import ScramKeys
from mailward.store.accounts import AccountRow
from mailward.store.credentials import CredentialRow

_ORDER = {"current": 0, "former": 1}


def account_of(row: AccountRow, rules: PasswordRules, override: AccountOverride | None) -> Account:
    """StoreError: the row is damaged."""
    listed = _strings(row.senders, row.name, "senders")
    taken = sorted((each for each in row.credentials if each.state in _ORDER), key=lambda each: _ORDER[each.state])
    if not taken or taken[0].state != "current":
        raise StoreError(f"the account {row.name!r} has no password in the store", phase="store")
    account = Account(
        name=row.name,
        passwords=tuple(_password(each, row, rules) for each in taken),
        senders=_with_own(row.name, listed),
        created=row.created,
        changed=row.changed,
        scram_salt=row.scram_salt,
        scram_iterations=row.scram_iterations,
        old=tuple(_password(each, row, rules) for each in row.credentials if each.state == "old"),
        app_passwords=tuple(_app_password(each, row) for each in reversed(row.credentials) if each.state == "app"),
        allow_from=_strings(row.allow_from, row.name, "networks"),
        disabled=bool(row.disabled),
        second_factor=bool(row.second_factor),
        totp=bool(row.totp),
        must_change=bool(row.must_change),
    )
    return account if override is None else overridden(account, override)


def overridden(account: Account, override: AccountOverride) -> Account:
    """The account with what the configuration file says of it."""
    senders = None if override.senders is None else _with_own(account.name, tuple(map(sender_key, override.senders)))
    said = {
        "allow_from": override.allow_from,
        "senders": senders,
        "second_factor": override.second_factor,
        "disabled": override.disabled,
    }
    named = frozenset(key for key, value in said.items() if value is not None)
    return replace(
        account,
        allow_from=account.allow_from if override.allow_from is None else override.allow_from,
        senders=account.senders if senders is None else senders,
        second_factor=account.second_factor if override.second_factor is None else override.second_factor,
        disabled=account.disabled if override.disabled is None else override.disabled,
        overridden=named,
    )


def _password(row: CredentialRow, of: AccountRow, rules: PasswordRules) -> StoredPassword:
    due, expires = span(row.created, rules)
    if row.ends is not None:
        expires = row.ends if expires is None else min(expires, row.ends)
    return StoredPassword(
        id=row.id,
        verifier=row.verifier,
        scram=_keys(row, of),
        created=row.created,
        last_used=row.last_used,
        due=due,
        expires=expires,
    )


def _app_password(row: CredentialRow, of: AccountRow) -> AppPassword:
    return AppPassword(
        id=row.id,
        label=row.label or "",
        selector=row.selector or "",
        digest=row.verifier,
        scram=_keys(row, of),
        scopes=frozenset(_strings(row.scopes or "[]", of.name, "scopes")),
        allow_from=_strings(row.allow_from or "[]", of.name, "networks"),
        created=row.created,
        expires=row.ends,
        last_used=row.last_used,
    )


def _keys(row: CredentialRow, of: AccountRow) -> ScramKeys | None:
    if row.stored_key is None or row.server_key is None:
        return None
    return ScramKeys(of.scram_salt, of.scram_iterations, row.stored_key, row.server_key)


def _with_own(name: str, listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(((name,) if "@" in name else ()) + listed))


def _strings(text: str, name: str, what: str) -> tuple[str, ...]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise _damaged(name, what) from error
    if not isinstance(read, list):
        raise _damaged(name, what)
    return tuple(map(str, read))


def _damaged(name: str, what: str) -> StoreError:
    return StoreError(f"the {what} of the account {name!r} are damaged", phase="store")
