"""What the reasons, rules and types of events mean, a sentence each, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailward.events import (
    BanAdded,
    BanRemoved,
    GuardMode,
    LoginFailed,
    LoginRefused,
    LoginSucceeded,
    MessageAccepted,
    MessageBounced,
    MessageDeferred,
    MessageDelivered,
    PasswordExpiring,
    PasswordRetired,
    Reason,
)

if TYPE_CHECKING:
    from mailward.events import Event

SENTENCES: dict[Reason, str] = {
    Reason.BAD_PASSWORD: "The password was wrong.",
    Reason.UNKNOWN_ACCOUNT: "There is no such account.",
    Reason.NOT_ALLOWED: "The address may not log in here: an allowlist or a blocklist says so.",
    Reason.LOCKED: "For a time the account takes no guesses from addresses it does not know; it was not looked at.",
    Reason.BANNED: "For a time the address takes no guesses; the password was not looked at.",
    Reason.BUSY: "Too many passwords were being checked at once; this one was not looked at.",
    Reason.BAD_EXCHANGE: "The client broke the rules of the login mechanism.",
    Reason.CANCELLED: "The client took its login back.",
    Reason.ABANDONED: "The client left, or kept silent, in the middle of the login.",
    Reason.PROVED_AND_LEFT: "The client proved that it knows the password, and left before the login was done.",
    Reason.EXPOSED: "The client tried to log in before TLS: whoever listens may have read the password.",
    Reason.UNAVAILABLE: "The accounts could not be read; nobody could judge the login.",
    Reason.NETWORK: "The networks around the address have used up their guesses; the password was not looked at.",
    Reason.SPRAYED: "This password is being tried on many accounts; whether it was right was not looked at.",
    Reason.STALE: "It was a password the account had before; that counts for nothing.",
    Reason.EXPIRED: "The password was right, but is past its time.",
    Reason.DISABLED: "The password was right, but the operator has locked the account.",
    Reason.APP_PASSWORD_REQUIRED: "The password was right, but its second factor asks for an app password.",
    Reason.SCOPE: "The app password was right, but is not meant for this service.",
    Reason.BAD_TOKEN: "The bearer token is not valid here.",
}
OF_BANS = {
    "source-failures": "too many wrong passwords from this address",
    "account-failures": "too many wrong passwords on this account from addresses it does not know",
    "operator": "by the operator",
    "expired": "its time was over",
}


def rule_in_words(rule: str) -> str:
    """Why a rule of the guard refuses."""
    if rule.startswith("ring:"):
        return f"the network {rule.removeprefix('ring:')} around it has used up its wrong passwords"
    return {
        "source-failures": "it has used up its wrong passwords",
        "account-failures": "addresses that the account does not know have used up their wrong passwords there",
        "spraying": "passwords are being tried on many accounts, and unknown addresses have one wrong password only",
        "operator": "the operator has banned it",
    }.get(rule, "all guesses that are left are being checked at this moment")


def in_words(event: Event) -> str:
    """What happened and why, for people; a part of it may be what a client has said."""
    match event:
        case LoginSucceeded():
            end = " The password is past its time and will soon not be taken." if event.grace else ""
            return f"Logged in{f' with {event.credential}' if event.credential else ''}.{end}"
        case LoginFailed():
            again = " The same password as before, not counted." if event.repeated else ""
            return f"{_reason(event.reason)}{again}{_delay(event.delay)}"
        case LoginRefused():
            until = "" if event.until is None else f" That ends {_moment(event.until)}."
            return f"{_reason(event.reason)}{until}{_delay(event.delay)}"
        case BanAdded():
            return f"{event.subject} is refused from now on: {OF_BANS.get(event.reason or '', event.reason)}."
        case BanRemoved():
            return f"{event.subject} may try again: {OF_BANS.get(event.reason or '', event.reason)}."
        case GuardMode():
            return f"The guard's mode {event.mode} {'begins' if event.on else 'ends'}."
        case _:
            return _of_accounts_and_mail(event)


def _of_accounts_and_mail(event: Event) -> str:
    match event:
        case PasswordExpiring():
            return f"The password ends in {event.days} days."
        case PasswordRetired():
            return "The older of its two passwords is taken no more."
        case MessageAccepted():
            return f"Message {event.message} was accepted."
        case MessageDelivered():
            return f"Message {event.message} was delivered."
        case MessageDeferred():
            return f"Message {event.message} is tried again later."
        case MessageBounced():
            return f"Message {event.message} was given up."
        case _:
            return "Something this version has no words for."


def _delay(seconds: float) -> str:
    return f" The reply was held back for {seconds:g} s." if seconds else ""


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def _reason(reason: str | None) -> str:
    try:
        return SENTENCES[Reason(reason or "")]
    except ValueError:
        return f"Reason: {reason}."
