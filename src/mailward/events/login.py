"""How a login ended."""

from __future__ import annotations

from enum import StrEnum

from mailward.events.record import Record


class Reason(StrEnum):
    """Why a login did not succeed; exact, for the operator only (the peer hears one vague reply)."""

    BAD_PASSWORD = "bad-password"
    UNKNOWN_ACCOUNT = "unknown-account"
    NOT_ALLOWED = "not-allowed"  # the source is outside [allowlist] networks
    LOCKED = "locked"  # the account takes no guesses from sources it does not know, for a time
    BANNED = "banned"  # the source takes no guesses, for a time
    BUSY = "busy"  # the bounded queue of the password hasher was full
    BAD_EXCHANGE = "bad-exchange"  # the peer broke the mechanism's rules
    CANCELLED = "cancelled"  # the peer sent "*"
    ABANDONED = "abandoned"  # the peer left, or kept silent, in the middle of the exchange
    PROVED_AND_LEFT = "proved-and-left"  # the peer proved that it knows the password, and did not end the login
    EXPOSED = "exposed"  # AUTH before TLS: whoever listens may have read a password
    UNAVAILABLE = "unavailable"  # the account store did not answer
    NETWORK = "network"  # the networks around the source have used up their guesses
    SPRAYED = "sprayed"  # right or wrong: this password is being tried on many accounts
    STALE = "stale"  # a password the account had before; it counts for nothing
    EXPIRED = "expired"  # the right credential, past its time
    DISABLED = "disabled"  # the right credential of an account that the operator has locked
    APP_PASSWORD_REQUIRED = "app-password-required"  # the right password of an account with a second factor
    SCOPE = "scope"  # the right credential, not meant for this service
    BAD_TOKEN = "bad-token"  # the bearer token is not valid here


class LoginSucceeded(Record, frozen=True, kw_only=True, tag="login.succeeded"):
    """`credential`: what it was proved with: `password`, `app-password:LABEL`, `token:ISSUER`, `certificate` or
    `account-source`. `grace`: the password is past its time and will soon not be taken.
    """

    tls: str | None = None
    channel_binding: str | None = None
    credential: str | None = None
    grace: bool = False


class LoginFailed(Record, frozen=True, kw_only=True, tag="login.failed"):
    """The credentials were checked and are wrong, or the source may not use them.

    `repeated`: the same wrong password again, which counts for nothing. `delay`: seconds the reply was held back.
    """

    repeated: bool = False
    delay: float = 0.0


class LoginRefused(Record, frozen=True, kw_only=True, tag="login.refused"):
    """Refused without looking at the password. `until`: Unix seconds, when it ends."""

    until: float | None = None
    delay: float = 0.0
