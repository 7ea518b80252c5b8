"""What every login needs, put together once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mailward.sasl.register import server_mechanisms

if TYPE_CHECKING:
    from mailward.accounts.account import Account
    from mailward.accounts.directory import Accounts
    from mailward.events import Event
    from mailward.guard.guard import Guard
    from mailward.login.credentials import Credentials
    from mailward.sasl.mechanism import ChannelBinding

_PASSWORDS = ("PLAIN", "LOGIN")
_TOKENS = ("OAUTHBEARER", "XOAUTH2")


@dataclass(frozen=True, slots=True)
class Logins:
    """later: runs what may block (a note of a credential's use) away from the loop, after the login."""

    accounts: Accounts
    credentials: Credentials
    guard: Guard
    record: Callable[[Event], None]
    utc: Callable[[], datetime]
    monotonic: Callable[[], float]
    nonce: Callable[[], str]
    later: Callable[[Callable[[], None]], None]

    def mechanisms(
        self, *, bindings: tuple[ChannelBinding, ...] = (), certificate: bool = False, wanted: Collection[str] = ()
    ) -> tuple[str, ...]:
        """What can be offered on a channel that nobody listens to, the strongest first; of those `wanted`, if any are.

        If none are, no SCRAM where accounts are kept elsewhere too: theirs have no keys for it, and a client that
        prefers it would fail each time with the right password.
        """
        offered = set(_PASSWORDS)
        if wanted or not self.credentials.kept_elsewhere:
            offered |= {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"} if bindings else {"SCRAM-SHA-256"}
        offered |= set(_TOKENS) if self.credentials.tokens else set()
        offered |= {"EXTERNAL"} if certificate else set()
        return tuple(name for name in server_mechanisms() if name in offered and (not wanted or name in wanted))

    def renewed(self, account: Account) -> Account | None:
        """The account as it is now; None when its login is over: it is gone, locked, or has another password.

        StoreError when nobody can tell.
        """
        return self.credentials.renewed(account)
