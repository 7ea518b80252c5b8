"""Whose guesses one attempt uses up."""

from __future__ import annotations

from dataclasses import dataclass

from mailward.guard.tally import Tally
from mailward.guard.verdict import Attempt

SOURCE_FAILURES = "source-failures"  # why a ban was added: its `reason`
ACCOUNT_FAILURES = "account-failures"


@dataclass(frozen=True, slots=True)
class Case:
    """An attempt and how it stands. source, account: the subjects that can be banned; account "" counts nowhere.

    known: the source has logged in to this account before.
    """

    attempt: Attempt
    allowed: bool
    known: bool
    source: str

    @property
    def account(self) -> str:
        return f"account:{self.attempt.account}" if self.attempt.account else ""

    @property
    def account_key(self) -> str:
        """Outsiders have a budget of their own on each account: they must not shut out those who may log in."""
        return self.account if self.allowed else f"outside {self.account}"

    @property
    def pair_key(self) -> str:
        return f"{self.source} {self.account}"


@dataclass(frozen=True, slots=True)
class Charge:
    """One tally that the attempt counts on, and against what; the failures it bears; who is banned for the last."""

    tally: Tally
    against: str
    budget: int
    subject: str
    reason: str

    def full(self, since: float) -> bool:
        return self.tally.count(since) + self.tally.in_flight >= self.budget
