"""Whose guesses one attempt uses up."""

from __future__ import annotations

from dataclasses import dataclass

from mailward.guard.source import networks
from mailward.guard.verdict import Attempt

SOURCE_FAILURES = "source-failures"  # why a ban was added: its `reason`; and what refused: a verdict's `rule`
ACCOUNT_FAILURES = "account-failures"
RING = "ring:"
SPRAYING = "spraying"
OPERATOR = "operator"
_OUTSIDE = "outside "  # outsiders have budgets of their own: they must not shut out those who may log in


class Case:
    """An attempt and how it stands. source, account: the subjects that can be banned; account "" counts nowhere.

    known: the source has logged in to this account before. spared: it is never banned, and nothing counts on it.
    """

    __slots__ = ("account", "allowed", "attempt", "known", "source", "spared")

    def __init__(self, attempt: Attempt, *, source: str, allowed: bool, spared: bool, known: bool = False) -> None:
        self.attempt = attempt
        self.source = source
        self.account = f"account:{attempt.account}" if attempt.account else ""
        self.allowed = allowed
        self.known = known
        self.spared = spared

    @property
    def networks(self) -> tuple[str, str]:
        """The rings around the source."""
        return networks(self.attempt.source)

    @property
    def ledger(self) -> str:
        return self.account if self.allowed else _OUTSIDE + self.account

    @property
    def pair(self) -> str:
        return f"{self.source} {self.account}"

    @property
    def own(self) -> str:
        """What its failures in a row are counted on: a known source's on the pair, so that neighbours do not mix."""
        return self.pair if self.known else self.source

    @property
    def subjects(self) -> tuple[str, ...]:
        """What can be in the book of bans."""
        return (self.source, self.account) if self.account else (self.source,)


@dataclass(frozen=True, slots=True)
class Charge:
    """One score that the attempt counts on, how many failures it bears, and the rule that says so."""

    score: str
    budget: int
    rule: str


def ring_score(case: Case, network: str) -> str:
    return network if case.allowed else _OUTSIDE + network
