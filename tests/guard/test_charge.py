"""Whose guesses one attempt uses up."""

from __future__ import annotations

from mailward.guard.charge import Case, ring_score
from tests.guard.doubles import World


def _case(*, account: str = "ann@example.test", allowed: bool = True, known: bool = False) -> Case:
    attempt = World().attempt(account=account)
    return Case(attempt, source="ip:192.0.2.7", allowed=allowed, spared=False, known=known)


def test_outsiders_have_their_own_account() -> None:
    """An address outside the allowlist is not counted on the account and the networks of those inside."""
    inside, outside = _case(), _case(allowed=False)

    assert inside.account == outside.account == inside.ledger == "account:ann@example.test"
    assert outside.ledger != inside.ledger
    assert {ring_score(inside, "ip:192.0.2.0/26")}.isdisjoint({ring_score(outside, "ip:192.0.2.0/26")})


def test_a_name_that_is_none_has_no_subject() -> None:
    """It counts on the source alone."""
    assert _case(account="").account == ""
    assert _case(account="").subjects == ("ip:192.0.2.7",)


def test_neighbours_of_a_known_source_do_not_mix() -> None:
    """A known source's failures in a row are those on the account, a stranger's those of the source."""
    assert _case().own == "ip:192.0.2.7"
    assert _case(known=True).own == _case().pair == "ip:192.0.2.7 account:ann@example.test"
    assert _case().networks == ("ip:192.0.2.0/26", "ip:192.0.0.0/21")
