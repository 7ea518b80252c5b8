"""One decision for every mechanism and door (row S56 of the bad inputs)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailward.accounts.account import Account, AppPassword, StoredPassword
from mailward.accounts.standing import standing
from mailward.events import Reason

PASSWORD = StoredPassword(1, "v", None, 0.0)
ENDED = StoredPassword(2, "v", None, 0.0, due=5.0, expires=10.0)
OLD = StoredPassword(3, "v", None, 0.0)
APP = AppPassword(4, "phone", "abcdefgh", "d", None, frozenset({"smtp"}), (), 0.0)
ENDED_APP = AppPassword(5, "tablet", "abcdefgi", "d", None, frozenset({"smtp"}), (), 0.0, expires=10.0)
ANN = Account("ann", (PASSWORD, ENDED), (), 0.0, 0.0, old=(OLD,), app_passwords=(APP, ENDED_APP))


@pytest.mark.parametrize(
    "changes,credential,reason",
    [
        ({}, PASSWORD, None),
        ({}, ENDED, Reason.EXPIRED),
        ({}, OLD, Reason.STALE),
        ({}, APP, None),
        ({}, ENDED_APP, Reason.EXPIRED),
        ({}, None, None),
        ({"disabled": True}, PASSWORD, Reason.DISABLED),
        ({"disabled": True}, APP, Reason.DISABLED),
        ({"disabled": True}, None, Reason.DISABLED),
        ({"disabled": True}, OLD, Reason.DISABLED),
        ({"must_change": True}, PASSWORD, Reason.EXPIRED),
        ({"must_change": True}, APP, None),
        ({"must_change": True}, None, None),
        ({"second_factor": True}, PASSWORD, Reason.APP_PASSWORD_REQUIRED),
        ({"second_factor": True}, APP, None),
        ({"second_factor": True}, None, None),
        ({"app_passwords": ()}, APP, Reason.STALE),
    ],
)
def test_the_decision(
    changes: dict[str, Any], credential: StoredPassword | AppPassword | None, reason: Reason | None
) -> None:
    """A lock stops everything; an end stops its own credential; a second factor stops the password alone."""
    assert standing(replace(ANN, **changes), credential, 10.0) is reason


def test_the_last_moment() -> None:
    """Taken until the very moment it ends, also while it is past its time."""
    assert standing(ANN, ENDED, 9.999) is None
    assert standing(ANN, ENDED_APP, 9.999) is None


def test_an_app_password_serves_what_it_is_for() -> None:
    """One for SMTP reads no mail; the account's own password has no scope."""
    assert standing(ANN, APP, 0.0, service="imap") is Reason.SCOPE
    assert standing(ANN, PASSWORD, 0.0, service="imap") is None
