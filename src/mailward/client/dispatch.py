"""The flow behind both outboxes: what was put is sent, once, whatever happens in between (RFC 5321 §4.5.4.1).

Before a transaction begins, the ticket is marked as being sent. A sender that dies then, or a final reply that never
comes, makes it unknown: it is kept, shown, and never sent again unless somebody says so, or the server offers
X-IDEMPOTENT, under which it takes the same message once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from inspect import isawaitable
from typing import TYPE_CHECKING

from mailward.client.how import How
from mailward.client.outbox_how import restored, stored
from mailward.client.outbox_verdict import concerns_all, judged, needs_a_person
from mailward.client.schedule import Schedule
from mailward.client.submission import prepare
from mailward.errors import InputError, MailwardError, StoreBusy
from mailward.message.headers import header, subject
from mailward.message.octets import header_of
from mailward.printable import printable
from mailward.store.holder import Holder, is_alive
from mailward.store.message_id import new_id
from mailward.store.outbox import PIECE, OutboxFile
from mailward.store.ticket import UNKNOWN, WAITING, Ticket, TicketRecipient

if TYPE_CHECKING:
    from mailward.client.how import SendArguments
    from mailward.client.receipt import Receipt
    from mailward.client.sender import Sender
    from mailward.client.submission import AnyMessage, AnyRecipients, Submission
    from mailward.net.ports import Ports

_POLL = 1.0  # seconds after which another process may have put something
_STEP = 0.2  # seconds after which `stop` is seen
_LONGEST_PAUSE = 300.0
_PATIENCE = 100


@dataclass(frozen=True, slots=True)
class Flushed:
    """How many tickets an attempt was made for, by what came of it. `error`: why the rest was left for later."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0
    unknown: int = 0
    error: MailwardError | None = None

    def with_one(self, ticket: Ticket) -> Flushed:
        return replace(self, **{ticket.state: getattr(self, ticket.state) + 1})


@dataclass(frozen=True, slots=True)
class StoredContent:
    """Content that is read from the outbox in pieces."""

    file: OutboxFile
    ticket: Ticket

    @property
    def size(self) -> int:
        return self.ticket.size

    @property
    def eight_bit(self) -> bool:
        return self.ticket.eight_bit

    @property
    def smtputf8_headers(self) -> bool:
        return self.ticket.smtputf8

    def pieces(self) -> Iterator[bytes]:
        return self.file.pieces(self.ticket.id)


class Dispatch:
    """`client`: who sends, None to put only. `ports`: of the outbox's own face; `client` waits in the same way."""

    def __init__(self, client: Sender | None, file: OutboxFile, ports: Ports, schedule: Schedule) -> None:
        self.file = file
        self._client = client
        self._one_server = bool(getattr(client, "one_server", False))
        self._ports = ports
        self._schedule = schedule
        self._owners = file.path.with_name(f"{file.path.name}-owners")
        self._process = os.getpid()
        self._holder = Holder(self._owners, ports.nonce())
        self._lost: list[list[Ticket]] = []  # claimed in a thread for a task that was cancelled meanwhile
        self._stopped = False

    async def put(
        self, message: AnyMessage, sender: str | None, recipients: AnyRecipients | None, how: SendArguments
    ) -> str:
        treated = How.of(**how)
        submission = prepare(message, sender=sender, recipients=recipients, how=treated, ports=self._ports)
        named = _named(treated, self._ports.nonce())
        large = submission.size > PIECE
        ticket = self._ticket(submission, named, owner=self._held() if large else "")
        return await self._ports.compute(lambda: self.file.put(ticket, _cut(submission)))

    async def flush(self) -> Flushed:
        """One attempt for each ticket that is due, until the server is found to be out of reach."""
        self._stopped = False
        return await self._flush()

    async def _flush(self) -> Flushed:
        if self._client is None:
            raise InputError("this outbox was given no client to send through", phase="options")
        self._return_lost()
        owners, until = self._owners, self._now()
        await self._ports.compute(lambda: self.file.recover(lambda name: is_alive(owners, name)))
        done = Flushed()
        while not self._stopped and done.error is None:
            ticket = await self._claimed(until)
            if ticket is None:
                break
            settled, error = await self._attempt(ticket)
            done = done.with_one(settled)
            if concerns_all(error):
                done = replace(done, error=error)
        return done

    async def run(self, *, until_empty: bool) -> None:
        """Raises AuthError where the login is refused, so that nobody is locked out by trying on and on."""
        self._stopped = False
        failures = 0
        while not self._stopped:
            done = Flushed()
            with suppress(StoreBusy):  # another process writes; it will be done soon
                done = await self._flush()
            if done.error is not None and needs_a_person(done.error):
                raise done.error
            failures = failures + 1 if done.error is not None else 0
            first = await self._ports.compute(self.file.next_attempt)
            if first is None and until_empty:
                return
            await self._pause(first, failures)

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        self.stop()
        self._return_lost()
        if os.getpid() == self._process:
            self._holder.let_go()

    def retry(self, identifier: str) -> None:
        ticket = self.found(identifier)
        if not self.file.retry(ticket.id, self._now()):
            raise InputError(f"the ticket {ticket.id} is {ticket.state}: there is nothing to try again")

    def forget(self, identifier: str) -> None:
        ticket = self.found(identifier)
        if not self.file.forget(ticket.id):
            raise InputError(f"the ticket {ticket.id} is being sent just now", advice="try again in a moment")

    def found(self, identifier: str) -> Ticket:
        ticket = self.file.find(identifier)
        if ticket is None:
            raise InputError(f"there is no ticket {printable(identifier, 80)}", advice="mailward outbox list")
        return ticket

    async def _claimed(self, until: float) -> Ticket | None:
        owner, via = self._held(), printable(repr(self._client), 200)
        claimed: list[Ticket] = []

        def claim() -> None:
            ticket = self.file.claim(until, owner=owner, via=via)
            claimed.extend(() if ticket is None else (ticket,))

        try:
            await self._ports.compute(claim)
        except BaseException:
            self._lost.append(claimed)
            raise
        return claimed[0] if claimed else None

    async def _attempt(self, ticket: Ticket) -> tuple[Ticket, MailwardError | None]:
        receipt, error = None, None
        try:
            receipt = await self._send(ticket)
        except MailwardError as raised:
            receipt, error = raised.receipt, raised
        except BaseException:
            doubted = tuple(
                replace(each, state=UNKNOWN) if each.state == WAITING else each for each in ticket.recipients
            )
            told = "the sending was broken off, and nobody knows how far it had come"
            self.file.settle(replace(ticket, recipients=doubted, state=UNKNOWN, error=told, ended=self._now()))
            raise
        settled = judged(
            ticket,
            receipt=receipt,
            error=error,
            schedule=self._schedule,
            now=self._now(),
            chance=self._chance(),
            one_server=self._one_server,
        )
        heard = self._one_server and receipt is not None and receipt.outcome != "not-sent"
        idempotent = receipt.idempotency_key is not None if heard and receipt is not None else None
        await self._settle(settled, idempotent=idempotent)
        return settled, error

    async def _settle(self, ticket: Ticket, *, idempotent: bool | None) -> None:
        """What is known must be written down, else it would be unknown: others who write are waited for."""
        for _ in range(_PATIENCE):
            with suppress(StoreBusy):
                await self._ports.compute(lambda: self.file.settle(ticket, idempotent=idempotent))
                return
            await self._ports.sleep(_STEP)
        await self._ports.compute(lambda: self.file.settle(ticket, idempotent=idempotent))

    async def _send(self, ticket: Ticket) -> Receipt:
        assert self._client is not None  # noqa: S101  # flush has seen to it
        small = ticket.size <= PIECE
        content = b"".join(self.file.pieces(ticket.id)) if small else StoredContent(self.file, ticket)
        how = restored(ticket.how, key=ticket.key, once=ticket.once)
        sent = self._client.send(content, sender=ticket.sender, recipients=ticket.waiting, **how)
        receipt: Receipt = await sent if isawaitable(sent) else sent
        return receipt

    async def _pause(self, first: float | None, failures: int) -> None:
        wait = _POLL if first is None else min(_POLL, max(0.0, first - self._now()))
        if failures:
            wait = min(self._schedule.first * 2.0 ** min(failures - 1, 16), self._schedule.longest, _LONGEST_PAUSE)
        until = self._now() + wait
        while not self._stopped and (left := until - self._now()) > 0:
            await self._ports.sleep(min(left, _STEP))

    def _return_lost(self) -> None:
        """What was claimed for nobody waits again: nothing of it has left."""
        for claimed in self._lost:
            while claimed:
                ticket = claimed.pop()
                self.file.settle(
                    replace(ticket, state=WAITING, attempts=ticket.attempts - 1, next_attempt=ticket.created)
                )

    def _held(self) -> str:
        """The name under which this process is seen to be alive."""
        if os.getpid() != self._process:
            self._holder.disown()
            self._process = os.getpid()
            self._holder = Holder(self._owners, self._ports.nonce())
        self._holder.hold()
        return self._holder.name

    def _ticket(self, submission: Submission, how: How, *, owner: str) -> Ticket:
        content = submission.content
        section = content if isinstance(content, bytes) else header_of(content)
        now = self._now()
        return Ticket(
            id=new_id(int(now * 1000), sha256(self._ports.nonce().encode()).digest()),
            key=how.key,
            created=now,
            sender=str(submission.sender or ""),
            recipients=tuple(TicketRecipient(str(mailbox)) for mailbox in submission.recipients),
            subject=subject(section),
            message_id=printable(header(section, "message-id") or b"", 200),
            size=submission.size,
            eight_bit=submission.eight_bit,
            smtputf8=submission.smtputf8,
            how=stored(how),
            owner=owner,
            next_attempt=now,
        )

    def _now(self) -> float:
        return self._ports.utc().timestamp()

    def _chance(self) -> float:
        return int.from_bytes(sha256(self._ports.nonce().encode()).digest()[:4]) / 2**32


def _named(how: How, name: str) -> How:
    """With the names that a server is to know it by at each attempt."""
    dsn = how.dsn
    if dsn is not None and dsn.envid is None:
        dsn = replace(dsn, envid=name)
    return replace(how, dsn=dsn, key=how.key or name)


def _cut(submission: Submission) -> Iterator[bytes]:
    """The content in pieces of whole lines, each about as large as a row of the file is to be."""
    content = submission.content
    if isinstance(content, bytes):
        start = 0
        while len(content) - start > PIECE:
            end = content.rfind(b"\r\n", start, start + PIECE) + 2
            yield content[start:end]
            start = end
        yield content[start:]
        return
    kept = bytearray()
    for piece in content.pieces():
        kept += piece
        if len(kept) >= PIECE:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)
