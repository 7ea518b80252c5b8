"""A message as it is given to the store and as the store gives it back."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from mailward.errors import StoreError
from mailward.printable import printable
from mailward.store.query import Row

KEPT, QUEUED, DELIVERED, BOUNCED, DEFERRED = "kept", "queued", "delivered", "bounced", "deferred"

COLUMNS = (
    "id, envelope_from, envelope_to, size, received, subject, account, source, smtputf8, eightbit, spool,"
    " message IS NULL, attempts, next_attempt, last_attempt, last_reply, recipients"
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is to be stored: `content`, or the name of the committed `spool` file that holds it. `hold`: never due."""

    id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    content: bytes | None
    spool: str | None
    size: int
    received: float
    account: str | None
    source: str | None
    session: str | None
    subject: str
    smtputf8: bool
    eightbit: bool
    hold: bool


@dataclass(frozen=True, slots=True)
class RecipientState:
    """`state`: queued (not tried), deferred, delivered or bounced. `reply`: what the next server said last."""

    address: str
    state: str
    reply: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """`state`: kept, queued or bounced; delivered only as `record_attempt` returns it, when it is stored no longer.

    `received`, `next_attempt`, `last_attempt`: Unix seconds. `spool`: the file to remove once the row is gone.
    """

    id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    size: int
    received: float
    subject: str
    account: str | None
    source: str | None
    state: str
    attempts: int
    next_attempt: float | None
    last_reply: str
    recipients: tuple[RecipientState, ...]
    smtputf8: bool
    eightbit: bool
    last_attempt: float | None
    spool: str | None


def from_row(row: Row) -> StoredMessage:
    """`row`: in the order of COLUMNS. Raises StoreError, with the message's id, when it makes no sense."""
    try:
        return _decoded(row)
    except (ValueError, TypeError) as problem:  # of msgspec, or of columns that do not fit each other
        raise StoreError(
            f"message {printable(str(row[0]))} is damaged in the database: {printable(str(problem))}",
            phase="store",
            advice="the other messages are not held up by it; restore a backup of the database to have it back",
        ) from problem


def _decoded(row: Row) -> StoredMessage:
    id_, envelope_from, addresses, size, received, subject, account, source, *rest = row
    smtputf8, eightbit, spool, kept, attempts, next_attempt, last_attempt, last_reply, progress = rest
    envelope_to = msgspec.json.decode(addresses, type=tuple[str, ...])
    return StoredMessage(
        id=id_,
        envelope_from=envelope_from,
        envelope_to=envelope_to,
        size=size,
        received=received,
        subject=subject,
        account=account,
        source=source,
        state=KEPT if kept else BOUNCED if next_attempt is None else QUEUED,
        attempts=attempts or 0,
        next_attempt=next_attempt,
        last_reply=last_reply or "",
        recipients=_recipients(envelope_to, progress, KEPT if kept else QUEUED),
        smtputf8=bool(smtputf8),
        eightbit=bool(eightbit),
        last_attempt=last_attempt,
        spool=spool,
    )


def _recipients(envelope_to: tuple[str, ...], progress: str | None, untried: str) -> tuple[RecipientState, ...]:
    if progress is None:
        return tuple(RecipientState(address, untried, "") for address in envelope_to)
    made = msgspec.json.decode(progress, type=list[tuple[str, str]])
    return tuple(RecipientState(address, *state) for address, state in zip(envelope_to, made, strict=True))
