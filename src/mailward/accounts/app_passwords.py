"""App passwords: made here for one program, found by their selector, kept as a digest (NIST SP 800-63B-4 §3.1.2)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from mailward.accounts.account import Account, AppPassword
from mailward.errors import InputError
from mailward.printable import printable
from mailward.secret import Secret

MOST: Final = 25  # of one account
SCOPES: Final = frozenset({"smtp", "imap", "pop3", "sieve"})  # what a door can say a login is for
_SIGNS = "abcdefghijklmnopqrstuvwxyz234567"  # 5 bits each
_SELECTOR, _SECRET = 8, 24  # 120 random bits
_FORM = re.compile(rf"mw-(?P<selector>[a-z2-7]{{{_SELECTOR}}})-[a-z2-7]{{{_SECRET}}}")
_LONGEST_LABEL = 64


@dataclass(frozen=True, slots=True)
class Minted:
    """A new one. `password` is shown once and kept by nobody."""

    selector: str
    digest: str
    password: Secret


def mint() -> Minted:
    selector = _random(_SELECTOR)
    password = Secret(f"mw-{selector}-{_random(_SECRET)}")
    return Minted(selector, _digest(password), password)


def matching(account: Account, password: Secret) -> AppPassword | None:
    """The app password of the account that this is; None also for what has not their form."""
    form = _FORM.fullmatch(password.reveal())
    if form is None:
        return None
    selected = (each for each in account.app_passwords if each.selector == form["selector"])
    digest = _digest(password)
    return next((each for each in selected if hmac.compare_digest(each.digest, digest)), None)


def has_form(password: Secret) -> bool:
    """Whether it looks like one, of whatever account."""
    return _FORM.fullmatch(password.reveal()) is not None


def checked_label(text: str) -> str:
    """What people call it. Raises InputError for what has no place on one line of a list."""
    label = text.strip()
    if not label or len(label) > _LONGEST_LABEL or not label.isprintable():
        raise InputError(
            f"the label {printable(text, 80)!r} is not 1 to {_LONGEST_LABEL} printable characters", phase="account"
        )
    return label


def checked_scopes(names: frozenset[str]) -> frozenset[str]:
    """What it may be used for. Raises InputError."""
    unknown = sorted(names - SCOPES)
    if unknown or not names:
        told = f"{printable(unknown[0], 40)!r} is no scope" if unknown else "an app password needs a scope"
        raise InputError(told, phase="account", advice=f"the scopes are {', '.join(sorted(SCOPES))}")
    return names


def _random(count: int) -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(count))


def _digest(password: Secret) -> str:
    return hashlib.sha256(password.reveal().encode()).hexdigest()
