"""What a login asks for next, and how it ended; a door turns these into its own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mailward.accounts.account import Account


class Result(Enum):
    """All that the peer may learn. FAILED stands for every reason there is."""

    OK = auto()
    FAILED = auto()
    THROTTLED = auto()  # not looked at; try again later
    UNAVAILABLE = auto()  # we could not judge
    CANCELLED = auto()
    EXPOSED = auto()  # not without TLS


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send `data` and bring the response back."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """account: whose login it is, when it is OK. What was to be held back has been."""

    result: Result
    account: Account | None = None


Step: TypeAlias = Challenge | Outcome

FAILED = Outcome(Result.FAILED)
THROTTLED = Outcome(Result.THROTTLED)
UNAVAILABLE = Outcome(Result.UNAVAILABLE)
CANCELLED = Outcome(Result.CANCELLED)
EXPOSED = Outcome(Result.EXPOSED)
