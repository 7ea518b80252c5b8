"""The age of a password: when it is due, when its owner is told, when it is taken no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from math import ceil
from typing import Final

from mailward.accounts.account import Account
from mailward.accounts.rules import PasswordRules
from mailward.message.compose import compose

DAY: Final = 86_400.0
_LATE_STAGES = (7, 3, 1, 0)  # days before a password is due; 0: it is due


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Of two passwords. days: how long the older one is taken at most; silent_days: how long when nobody uses it."""

    days: int = 30
    silent_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """A stage that nobody has been told yet. due: past its time; until: taken no more. days: left until then."""

    account: str
    password: int
    stage: int
    due: float
    until: float
    days: int


def span(created: float, rules: PasswordRules) -> tuple[float | None, float | None]:
    """When a password of this age is due, and when it is taken no more."""
    if not rules.maximum_age_days:
        return None, None
    due = created + rules.maximum_age_days * DAY
    return due, due + rules.grace_days * DAY


def stage_of(due: float, now: float, rules: PasswordRules) -> int | None:
    """The stage that has been reached: the least number of days that are left at most; None: there is time."""
    left = (due - now) / DAY
    stages = {rules.warn_days, *(each for each in _LATE_STAGES if each <= rules.warn_days), 0}
    return min((each for each in stages if left <= each), default=None)


def expiring(account: Account, now: float, rules: PasswordRules) -> Expiring | None:
    """What its owner should know by now. None: there is time, or it is over, or the account is locked."""
    password = account.passwords[0] if account.passwords else None
    if password is None or password.due is None or password.expires is None or account.disabled:
        return None
    stage = stage_of(password.due, now, rules)
    if stage is None or now >= password.expires:
        return None
    return Expiring(
        account=account.name,
        password=password.id,
        stage=stage,
        due=password.due,
        until=password.expires,
        days=ceil((password.expires - now) / DAY),
    )


def notice(told: Expiring, *, hostname: str, sender: str, date: datetime, message_id: str) -> EmailMessage | None:
    """The mail to the owner; None when the account's name is no mailbox. sender: a mailbox of this server."""
    if "@" not in told.account:
        return None
    days = "1 day" if told.days == 1 else f"{told.days} days"
    return compose(
        sender=sender,
        to=told.account,
        subject=f"Your mail password is taken for {days} more",
        date=date,
        message_id=message_id,
        text=_words(told, hostname, days),
        headers={"Auto-Submitted": "auto-generated"},
    )


def _words(told: Expiring, hostname: str, days: str) -> str:
    if told.stage == 0 and told.until > told.due:
        age = f"It should have been changed by {_moment(told.due)}; it is still taken for {days}."
    else:
        age = f"It has to be changed within {days}."
    return (
        f"The password of {told.account} on {hostname} is coming to its end.\n\n"
        f"{age} From {_moment(told.until)} on, no program\n"
        "can send mail with it.\n\n"
        f"Ask whoever runs {hostname} for a new one. This mail has no link in it, and nobody needs\n"
        "your present password: a mail that asks for it is not from this server.\n"
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
