"""Whether a source may come in at all, and an account be used, in the words of Postfix's access(5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mailward.accounts.account import Account, canonical
from mailward.errors import InputError
from mailward.guard.ports import OPERATOR, Banned
from mailward.guard.source import Source, ring

BANNED: Final = "DEFER 4.7.0 Too many failed logins, try again later"
NOT_ALLOWED: Final = "REJECT 5.7.1 Access denied"
NOT_USABLE: Final = "REJECT 5.7.1 This login has ended"


class FindAccount(Protocol):
    """Of `Accounts`. StoreError when nobody can tell."""

    def find_key(self, key: str, /) -> Account | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """banned: of `BanBook.found`. allows: whether the source may log in at this listener, banned or not. known: whether
    anybody has logged in from there (a subject) lately.

    Nothing is counted and no guess is held: these questions are asked far more often than there are logins.
    """

    banned: Callable[[Sequence[str]], Mapping[str, Banned]]
    allows: Callable[[Source, str], bool]
    known: Callable[[str], bool]
    accounts: FindAccount
    now: Callable[[], float]

    def refusal(self, source: Source, listener: str, *, name: str = "") -> str | None:
        """name: who is logged in, if somebody is. StoreError when nobody can tell."""
        if not self.allows(source, listener):
            return NOT_ALLOWED
        if name and self.ended(name):
            return NOT_USABLE
        return self.ban(source, logged_in=bool(name))

    def ban(self, source: Source, *, logged_in: bool = False) -> str | None:
        """The operator's holds for everybody. The guard's is against guessing: not for one who is logged in, and not
        before it is told who comes from where somebody logs in; the login itself is judged by account as well."""
        own, now = ring(source), self.now()
        for line in self.banned((own,)).values():
            if line.lifted or line.until <= now:
                continue
            if line.by == OPERATOR or not (logged_in or self.known(own)):
                return BANNED
        return None

    def ended(self, name: str) -> bool:
        """Whether the account is locked. One that is not in our store is for its own store to judge."""
        account = self.account(name)
        return account is not None and account.disabled

    def account(self, name: str) -> Account | None:
        try:
            return self.accounts.find_key(canonical(name))
        except InputError:
            return None
