"""A message that waits in an outbox, and what became of it for each recipient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

INCOMING: Final = "incoming"  # being put; whoever puts it has no promise yet
WAITING: Final = "waiting"
SENDING: Final = "sending"  # somebody's transaction is under way; when that process dies, nobody knows
SENT: Final = "sent"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
STATES: Final = (WAITING, SENDING, SENT, FAILED, UNKNOWN)


@dataclass(frozen=True, slots=True)
class TicketRecipient:
    """`state`: waiting, sent, failed or unknown. `reply`: the last one about this address."""

    address: str
    state: str = WAITING
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`how`: how it is to be treated, as JSON. `once`: only to a server that takes it once under its key.

    `next_attempt`: Unix seconds, None when there will be none. `receipt`: of the last attempt, as a dictionary in JSON.
    """

    id: str
    key: str | None
    created: float
    sender: str
    recipients: tuple[TicketRecipient, ...]
    subject: str = ""
    message_id: str = ""
    size: int = 0
    eight_bit: bool = False
    smtputf8: bool = False
    how: str = field(default="{}", repr=False)
    state: str = WAITING
    owner: str = ""
    via: str = ""
    once: bool = False
    attempts: int = 0
    next_attempt: float | None = None
    ended: float | None = None
    error: str = ""
    receipt: str = field(default="", repr=False)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The addresses that are still to be tried."""
        return tuple(each.address for each in self.recipients if each.state == WAITING)


def state_of(recipients: tuple[TicketRecipient, ...]) -> str:
    """Of the whole ticket: what is still to be done comes first, then what a person must decide."""
    states = {each.state for each in recipients}
    return next((state for state in (WAITING, UNKNOWN, FAILED) if state in states), SENT)
