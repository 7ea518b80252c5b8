"""Whose guesses one attempt uses up."""

from __future__ import annotations

from mailward.guard.charge import Case, Charge
from mailward.guard.tally import Tally
from tests.guard.doubles import World


def test_guesses_in_flight_are_used() -> None:
    """Failures and what is being checked fill the budget together."""
    tally = Tally()
    charge = Charge(tally, "x", 3, "ip:192.0.2.7", "source-failures")
    tally.add(5.0, "x")
    tally.in_flight = 1
    assert not charge.full(0.0)

    tally.in_flight = 2
    assert charge.full(0.0)
    assert not charge.full(5.0)


def test_outsiders_have_their_own_account() -> None:
    """An address outside the allowlist is not counted on the account of those inside."""
    attempt = World().attempt()
    inside = Case(attempt, allowed=True, known=False, source="ip:192.0.2.7")
    outside = Case(attempt, allowed=False, known=False, source="ip:192.0.2.7")

    assert inside.account == outside.account == inside.account_key == "account:ann@example.test"
    assert outside.account_key != inside.account_key


def test_a_name_that_is_none_has_no_subject() -> None:
    """It counts on the source alone."""
    assert Case(World().attempt(account=""), allowed=True, known=False, source="ip:192.0.2.7").account == ""
