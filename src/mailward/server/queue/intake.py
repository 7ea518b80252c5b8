"""Taking a message in: 250 is said after the group commit is on disk, never before (RFC 5321 §6.1)."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mailward.errors import StoreError, StoreFull
from mailward.events import Event, MessageAccepted
from mailward.message.headers import measure, subject
from mailward.message.received import protocol_name, received
from mailward.server.later import Later
from mailward.store.acceptance import Acceptance
from mailward.store.idempotency import KeyedAcceptance
from mailward.store.message import NewMessage
from mailward.store.message_id import new_id
from mailward.store.spool import INLINE_LIMIT, Spool, SpoolFile
from mailward.wire import reply as replies
from mailward.wire.reply import Reply

if TYPE_CHECKING:
    from mailward.store.writer import Writer

_RESERVE: Final = 16 * 1024 * 1024  # octets that stay free for the journal and for deliveries to be recorded
_HOPS: Final = 50  # Received fields of a message that goes round in circles (RFC 5321 §6.3)
_HEADER: Final = INLINE_LIMIT  # octets of a header section (Postfix: 100 KiB); what is measured is in memory
_LINES: Final = 10_000  # of a header section
_FREE_FOR: Final = 0.5  # seconds a look at the free space is good for


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session's messages come from: the same for all of them until the next EHLO, TLS or login."""

    account: str | None
    source: str
    ehlo: str
    extended: bool
    tls: str | None
    listener: str
    session: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what to whom. `reverse_path`: "" for the null path. `key`: under which it is taken once."""

    origin: Origin
    reverse_path: str
    forward_paths: tuple[str, ...]
    smtputf8: bool
    eightbit: bool
    key: str | None = None


class Intake:
    """The way into the queue. `hold`: keep what comes (sandbox). `accepted` hears of each message that is queued."""

    def __init__(
        self,
        writer: Writer,
        spool: Spool,
        loop: asyncio.AbstractEventLoop,
        *,
        hostname: str,
        hold: bool,
        accepted: Callable[[], None],
        tell: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self.writer = writer
        self.spool = spool
        self.loop = loop
        self.hostname = hostname
        self.hold = hold
        self._accepted = accepted
        self._tell = tell
        self.now = now
        self._free = 0
        self._looked = -_FREE_FOR

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` octets fits with a reserve (asked before it is accepted)."""
        now = self.loop.time()
        if now - self._looked >= _FREE_FOR:
            self._looked = now
            try:
                self._free = self.spool.free()
            except StoreError:
                self._free = 0
        return self._free >= 2 * size + _RESERVE

    def begin(self, envelope: Envelope) -> Incoming:
        return Incoming(self, envelope)

    def stored(self, event: MessageAccepted) -> Reply:
        self._tell(event)
        self._accepted()
        return replies.queued(event.message)


class Incoming:
    """One message coming in: in memory while it is small, in a spool file from there on."""

    __slots__ = ("_digest", "_envelope", "_fault", "_file", "_head", "_intake", "_received", "_size", "id")

    def __init__(self, intake: Intake, envelope: Envelope) -> None:
        self._intake = intake
        self._envelope = envelope
        self._received = intake.now()
        self.id = new_id(int(self._received * 1000), secrets.token_bytes(10))
        self._head: list[bytes] = [self._received_field()]
        self._size = len(self._head[0])
        self._file: SpoolFile | None = None
        self._fault: Reply | None = None
        self._digest = None if envelope.key is None else _digest_of(envelope)

    def add(self, data: bytes) -> None:
        if not data or self._fault is not None:
            return
        self._size += len(data)
        if self._digest is not None:
            self._digest.update(data)
        try:
            if self._file is not None:
                self._file.write(data)
            else:
                self._head.append(data)
                if self._size > INLINE_LIMIT:
                    self._spill()
        except StoreError as problem:
            self._fault = refusal(problem)

    def discard(self) -> None:
        """The transaction came to nothing."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def commit(self) -> Reply | Later:
        """The answer to the end of the content, when it is known."""
        head = b"".join(self._head)
        if self._fault is None:
            self._fault = _header_fault(head)
        if self._fault is not None:
            self.discard()
            return self._fault
        answer = Later()
        if self._file is None:
            self._store(answer, head, head)
        else:
            self._sync(self._file, answer, head)
        return answer

    def _spill(self) -> None:
        self._file = self._intake.spool.create(self.id)
        self._file.write(b"".join(self._head))

    def _sync(self, file: SpoolFile, answer: Later, head: bytes) -> None:
        """The file must be on disk before the row that names it."""

        def synced(work: asyncio.Future[None]) -> None:
            problem = work.exception()
            if problem is None:
                self._store(answer, None, head)
            else:
                self.discard()
                answer.settle(refusal(problem))

        self._intake.loop.run_in_executor(None, file.commit).add_done_callback(synced)

    def _store(self, answer: Later, content: bytes | None, head: bytes) -> None:
        message = self._row(content, subject(head))
        acceptance = Acceptance(message, self._event())

        def done(_result: None, problem: StoreError | None) -> None:
            taken(self.id, problem)

        def taken(id_: str | None, problem: StoreError | None) -> None:
            """`id_`: under which the message is ours, from an earlier time perhaps; None if its key is another's."""
            if problem is None and id_ == self.id:
                answer.settle(self._intake.stored(acceptance.event))
                return
            self._remove(message)
            if problem is not None:
                answer.settle(refusal(problem))
            else:
                answer.settle(replies.KEY_USED if id_ is None else replies.queued(id_))

        if self._digest is None:
            self._intake.writer.submit(acceptance, done)
        else:
            self._intake.writer.submit(self._keyed(acceptance, self._digest.digest()), taken)

    def _keyed(self, acceptance: Acceptance, digest: bytes) -> KeyedAcceptance:
        origin = self._envelope.origin
        owner = f"account {origin.account}" if origin.account is not None else f"source {origin.source}"
        return KeyedAcceptance(acceptance, owner=owner, key=self._envelope.key or "", digest=digest)

    def _remove(self, message: NewMessage) -> None:
        if message.spool is not None:
            with suppress(StoreError):  # the next start sweeps what stays
                self._intake.spool.remove(message.spool)

    def _row(self, content: bytes | None, subject_: str) -> NewMessage:
        envelope, origin = self._envelope, self._envelope.origin
        return NewMessage(
            id=self.id,
            envelope_from=envelope.reverse_path,
            envelope_to=envelope.forward_paths,
            content=content,
            spool=self.id if content is None else None,
            size=self._size,
            received=self._received,
            account=origin.account,
            source=origin.source,
            session=origin.session,
            subject=subject_,
            smtputf8=envelope.smtputf8,
            eightbit=envelope.eightbit,
            hold=self._intake.hold,
        )

    def _event(self) -> MessageAccepted:
        envelope, origin = self._envelope, self._envelope.origin
        return MessageAccepted(
            time=datetime.fromtimestamp(self._received, UTC),
            source=origin.source,
            account=origin.account,
            listener=origin.listener,
            session=origin.session,
            message=self.id,
            envelope_from=envelope.reverse_path,
            envelope_to=envelope.forward_paths,
            size=self._size,
        )

    def _received_field(self) -> bytes:
        envelope, origin = self._envelope, self._envelope.origin
        return received(
            by=self._intake.hostname,
            from_ehlo=origin.ehlo,
            source=origin.source,
            protocol=_protocol(origin, smtputf8=envelope.smtputf8),
            tls=origin.tls,
            id=self.id,
            date=datetime.fromtimestamp(self._received, UTC),
            for_=envelope.forward_paths[0] if len(envelope.forward_paths) == 1 else None,
        )


def _digest_of(envelope: Envelope) -> hashlib._Hash:
    """Begun with the envelope: who sends the same content to somebody else sends another message."""
    paths = (str(len(envelope.forward_paths)), envelope.reverse_path, *envelope.forward_paths, "")
    return hashlib.sha256("\0".join(paths).encode())


def _protocol(origin: Origin, *, smtputf8: bool) -> str:
    if not origin.extended:
        return "SMTP"
    return protocol_name(tls=origin.tls is not None, authenticated=origin.account is not None, smtputf8=smtputf8)


def _header_fault(head: bytes) -> Reply | None:
    found = measure(head)
    if found.octets > _HEADER or found.lines > _LINES:
        return replies.HEADER_TOO_BIG
    return replies.LOOP if found.hops > _HOPS else None


def refusal(problem: BaseException) -> Reply:
    return replies.NO_SPACE if isinstance(problem, StoreFull) else replies.LOCAL_ERROR
