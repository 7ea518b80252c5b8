from __future__ import annotations

from ipaddress import ip_address

import pytest

from mailward.accounts.account import Account
from mailward.guard.ports import OPERATOR
from mailward.integrations.clearance import BANNED, NOT_ALLOWED, NOT_USABLE, Clearance
from mailward.store.bans import Found

SOURCE = ip_address("192.0.2.7")
OUTSIDE = ip_address("198.51.100.1")
NOW = 1000.0


class Book:
    """Accounts ann, and bob who is locked."""

    def find_key(self, key: str, /) -> Account | None:
        return Account(key, (), (), 0.0, 0.0, disabled=key == "bob") if key in {"ann", "bob"} else None


def clearance(ban: Found | None = None, *, known: bool = False) -> Clearance:
    return Clearance(
        banned=lambda subjects: dict.fromkeys(subjects, ban) if ban is not None else {},
        allows=lambda source, _listener: source != OUTSIDE,
        known=lambda _source: known,
        accounts=Book(),
        now=lambda: NOW,
    )


def test_nobody_is_stopped_without_a_reason() -> None:
    """No ban, an allowed source, an account in order or not ours: nothing to say."""
    for name in ("", "ann", "who-knows@elsewhere.test", "\x1b"):
        assert clearance().refusal(SOURCE, "door", name=name) is None


def test_outside_the_allowlist() -> None:
    """Whoever it is."""
    assert clearance().refusal(OUTSIDE, "door", name="ann") == NOT_ALLOWED


def test_a_locked_account() -> None:
    """A login that Postfix believes in ends when the account is locked."""
    assert clearance().refusal(SOURCE, "door", name="Bob") == NOT_USABLE


@pytest.mark.parametrize(
    "ban, known, name, refused",
    [
        (Found(NOW + 1, "guard"), False, "", True),
        (Found(NOW + 1, "guard"), True, "", False),
        (Found(NOW + 1, "guard"), False, "ann", False),
        (Found(NOW + 1, OPERATOR), True, "ann", True),
        (Found(NOW, "guard"), False, "", False),
        (Found(NOW + 1, "guard", lifted=True), False, "", False),
    ],
    ids=["stranger", "known", "logged-in", "operator", "ended", "lifted"],
)
def test_bans(ban: Found, known: bool, name: str, refused: bool) -> None:
    """The guard's ban stops strangers, and nobody at a source somebody logs in from, or who is logged in; the
    operator's stops everybody; one that ended or was lifted stops nobody."""
    assert clearance(ban, known=known).refusal(SOURCE, "door", name=name) == (BANNED if refused else None)
