"""What the guard is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from mailward.events import BanAdded, BanRemoved, GuardMode, Reason
from mailward.guard.source import Source


@dataclass(frozen=True, slots=True)
class Attempt:
    """One login. account: canonical; empty when the name can be no account's. session: the connection's id.

    barred: the account's own list of networks does not hold the source; to the guard it is an outsider.
    """

    source: Source
    account: str
    mechanism: str
    listener: str
    session: str
    barred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """refused: do not look at the password, and why. until: Unix seconds, when that ends.

    allowed: the source may log in at all. When it may not, do the same work and fail as with a wrong password:
    `failed(…, Reason.NOT_ALLOWED)`. delay: seconds to hold the refusal back.
    again: refused only because every guess that is left is being checked for others; `judge` anew in so many
    seconds, and answer the refusal when you have no more patience.
    strong: although refused, a credential that nobody can guess (an app password, a token, a certificate) may still
    be looked at; a right one ends in `succeeded(…, strong=True)`, a wrong one is answered as the refusal.
    rule: which one refused: `source-failures`, `account-failures`, `ring:192.0.2.0/26`, `spraying`, `operator`.
    known: the source has logged in to this account before.
    """

    refused: Reason | None = None
    until: float | None = None
    allowed: bool = True
    delay: float = 0.0
    again: float | None = None
    strong: bool = False
    rule: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """delay: seconds to hold the reply back. repeated: the same wrong password again, not counted."""

    delay: float
    repeated: bool
    events: tuple[BanAdded | BanRemoved | GuardMode, ...] = ()
