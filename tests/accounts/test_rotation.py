"""The age of a password and what its owner is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.account import Account, StoredPassword
from mailward.accounts.rotation import DAY, Expiring, expiring, notice, span, stage_of
from mailward.accounts.rules import NIST, PasswordRules

RULES = PasswordRules.of("nist", maximum_age_days=90, warn_days=14, grace_days=7)
DUE, ENDS = 90 * DAY, 97 * DAY
ANN = Account("ann@example.test", (StoredPassword(5, "v", None, 0.0, due=DUE, expires=ENDS),), (), 0.0, 0.0)
TOLD = Expiring(account=ANN.name, password=5, stage=7, due=DUE, until=ENDS, days=14)
WRITTEN = {"hostname": "mx.example.test", "sender": "postmaster@mx.example.test", "message_id": "<a@b.test>"}


def test_when_it_ends() -> None:
    """Never by default; else after its age, and after the grace."""
    assert span(100.0, NIST) == (None, None)
    assert span(100.0, RULES) == (100.0 + DUE, 100.0 + ENDS)


def test_stages_in_their_order() -> None:
    """Once two weeks, one week, three days and one day before, and once when it is due."""
    at = [stage_of(DUE, days * DAY, RULES) for days in (0, 75.9, 76, 82.9, 83, 87, 89, 89.9, 90, 96.9)]

    assert at == [None, None, 14, 14, 7, 3, 1, 1, 0, 0]
    assert stage_of(DUE, 89 * DAY, replace(RULES, warn_days=0)) is None
    assert stage_of(DUE, 86 * DAY, replace(RULES, warn_days=5)) == 5


@given(st.floats(0, 100 * DAY), st.integers(0, 60))
def test_stages_only_go_down(now: float, warn_days: int) -> None:
    """Time never brings an earlier stage back, and each is no less than the days that are left."""
    rules = replace(RULES, warn_days=warn_days)
    stages = [stage_of(DUE, moment, rules) for moment in (now, now + DAY)]
    told = [999 if stage is None else stage for stage in stages]

    assert told == sorted(told, reverse=True)
    assert stages[0] is None or (DUE - now) / DAY <= stages[0]


def test_who_is_told() -> None:
    """Neither when there is time, nor after the end, nor who is locked."""
    found = expiring(ANN, 83.5 * DAY, RULES)

    assert found == replace(TOLD, stage=7, days=14)
    assert expiring(ANN, 10 * DAY, RULES) is None
    assert expiring(ANN, ENDS, RULES) is None
    assert expiring(replace(ANN, disabled=True), 83.5 * DAY, RULES) is None
    assert expiring(replace(ANN, passwords=()), 83.5 * DAY, RULES) is None


def test_the_mail_to_the_owner() -> None:
    """Whose password, on which server, until when; no link, and marked as made by a program (RFC 3834)."""
    made = notice(TOLD, date=datetime(2026, 1, 2, tzinfo=UTC), **WRITTEN)

    assert made is not None
    text = made.get_content()
    assert (made["To"], made["Subject"]) == (ANN.name, "Your mail password is taken for 14 days more")
    assert made["Auto-Submitted"] == "auto-generated"
    assert all(word in text for word in (ANN.name, "mx.example.test", "within 14 days", "1970-04-08 00:00 UTC"))
    assert "http" not in text


def test_the_mail_in_the_grace() -> None:
    """When it should have been changed, and how long it is still taken."""
    late = replace(TOLD, stage=0, days=1)
    made = notice(late, date=datetime(2026, 1, 2, tzinfo=UTC), **WRITTEN)

    assert made is not None
    assert "should have been changed by 1970-04-01 00:00 UTC; it is still taken for 1 day" in made.get_content()
    assert notice(replace(TOLD, account="scanner"), date=datetime(2026, 1, 2, tzinfo=UTC), **WRITTEN) is None
