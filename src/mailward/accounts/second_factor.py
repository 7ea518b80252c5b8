"""App passwords and authenticator codes of the accounts: made, listed by the account, revoked."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mailward.accounts import app_passwords, totp
from mailward.accounts.account import Account, AppPassword
from mailward.accounts.finding import FoundAccounts, checked_networks
from mailward.errors import InputError
from mailward.printable import printable
from mailward.sasl.scram import derive_keys
from mailward.secret import Secret
from mailward.store import credentials
from mailward.store.credentials import NewAppPassword


class SecondFactor(FoundAccounts):
    """What a program, or an authenticator, proves an account with."""

    def add_app_password(
        self,
        name: str,
        label: str,
        *,
        scopes: Iterable[str] = ("smtp",),
        allow_from: Iterable[str] = (),
        expires: float | None = None,
    ) -> tuple[AppPassword, Secret]:
        """The Secret is shown once and kept by nobody. InputError: no such account, a bad value, or too many."""
        account = self.existing(name)
        kept = app_passwords.checked_scopes(frozenset(scopes))
        listed, called, now = checked_networks(allow_from), app_passwords.checked_label(label), self._now()
        if expires is not None and expires <= now:
            raise InputError("the app password would have run out already", phase="account")
        minted = app_passwords.mint()
        keys = derive_keys(minted.password.reveal(), account.scram_salt, account.scram_iterations)
        new = NewAppPassword(
            digest=minted.digest,
            stored_key=keys.stored_key,
            server_key=keys.server_key,
            created=now,
            ends=expires,
            selector=minted.selector,
            label=called,
            scopes=json.dumps(sorted(kept)),
            allow_from=json.dumps(listed),
        )
        number = self._run(credentials.add_app_password(account.name, new, most=app_passwords.MOST))
        if number is None:
            raise self._no_more(account.name, called)
        return (
            AppPassword(number, called, minted.selector, minted.digest, keys, kept, listed, now, expires),
            minted.password,
        )

    def revoke_app_password(self, name: str, number: int) -> None:
        """Its sessions end too. InputError: no such account, or no such app password of it."""
        account = self.existing(name)
        if not self._run(credentials.revoke_app_password(account.name, number, now=self._now())):
            raise _none_called(account, str(number))

    def app_password(self, name: str, called: str) -> AppPassword:
        """The one of this id or label. InputError."""
        account = self.existing(name)
        found = [each for each in account.app_passwords if called in {str(each.id), each.label}]
        exact = [each for each in found if str(each.id) == called] or found
        if not exact:
            raise _none_called(account, called)
        return exact[0]

    def enable_totp(self, name: str, issuer: str) -> Secret:
        """From now on its own passwords log in with a code only, and never over SMTP. The otpauth URI, shown once."""
        account = self.existing(name)
        secret = totp.new_secret()
        self._run(credentials.set_totp(account.name, secret, second_factor=True, now=self._now()))
        return Secret(totp.uri(secret, account.name, issuer))

    def disable_totp(self, name: str) -> None:
        account = self.existing(name)
        self._run(credentials.set_totp(account.name, None, second_factor=False, now=self._now()))

    def verify_totp(self, name: str, code: str) -> bool:
        """Whether this is a code of now; once. False also for an account without one."""
        account = self.find(name)
        secret = credentials.totp_secret(self._reader, account.name) if account is not None else None
        if account is None or secret is None:
            return False
        step = totp.step_of(secret, code, self._now())
        return step is not None and self._run(credentials.take_step(account.name, secret, step))

    def _no_more(self, key: str, label: str) -> InputError:
        account = self.find_key(key)
        if account is None:
            return self._unknown(key)
        if any(each.label == label for each in account.app_passwords):
            return InputError(
                f"{key!r} has an app password {label!r} already",
                phase="account",
                advice="revoke it, or use another label",
            )
        return InputError(
            f"{key!r} has {app_passwords.MOST} app passwords, which is the most",
            phase="account",
            advice="revoke those that nobody uses: mailward user app-password list",
        )


def _none_called(account: Account, called: str) -> InputError:
    there = ", ".join(f"{each.id} ({each.label})" for each in account.app_passwords) or "it has none"
    return InputError(
        f"{account.name!r} has no app password {printable(called, 80)!r}; {there}",
        phase="account",
        advice=f"mailward user app-password list {account.name}",
    )
