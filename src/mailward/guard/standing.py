"""How a source and an account stand with the guard, in figures: what `mailward why` tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One rule and how near it is. used: failures that count now; held: guesses that are being checked.

    until: Unix seconds, when a refusal by this rule ends; None: it does not refuse. times: bans so far.
    known: whether the account knows the source, so that the rule passes it over; None where both were not asked.
    """

    subject: str
    rule: str
    used: int
    held: int
    budget: int
    until: float | None = None
    times: int = 0
    known: bool | None = None
