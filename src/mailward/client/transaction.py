"""One mail transaction: MAIL, RCPT, the content, and what became of it (RFC 5321 §3.3, RFC 2920, RFC 3030, RFC 2033).

Where the server offers CHUNKING and PIPELINING, envelope and content leave at once. With PIPELINING alone the envelope
and DATA do; the content follows only a 354 and only when somebody is to get it; a 354 that promises nobody is answered
with the dot alone. Large content follows an envelope that was accepted, piece by piece.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mailward.client.judgement import Delivery, Judgement
from mailward.errors import MailwardError, ProtocolError
from mailward.wire.command import Data, Rcpt
from mailward.wire.transparency import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.message.octets import Octets
    from mailward.wire.command import Command
    from mailward.wire.reply import Reply

GROUP: Final = 50  # commands said at once
LARGE: Final = 128 * 1024  # octets of content that do not leave before the envelope is accepted
_CHUNK = 128 * 1024  # octets in one BDAT of a large content
_AHEAD = 4  # chunks said before the reply to the first one is here


def fits_one_group(submission: Submission) -> bool:
    """Whether envelope and content may leave at once."""
    content = submission.content
    return isinstance(content, bytes) and len(content) <= LARGE and len(submission.recipients) + 2 <= GROUP


class Transaction:
    """One message in a session that is ready for it."""

    def __init__(self, session: Session, submission: Submission) -> None:
        self._session = session
        self._conversation = session.conversation
        self._submission = submission
        self._judgement = Judgement(session, submission)
        self._replies = self._judgement.replies

    async def run(self) -> Delivery:
        """What became of the message; the session knows whether it is fit for another."""
        try:
            self._session.offers.check(self._submission)
            self._session.sent += 1
            if self._session.streaming and fits_one_group(self._submission):
                return await self._at_once()
            return await (self._in_chunks() if self._chunking else self._with_data())
        except MailwardError as error:
            return self._judgement.not_sent(error)

    @property
    def _chunking(self) -> bool:
        large = not isinstance(self._submission.content, bytes) or len(self._submission.content) > LARGE
        return large and self._session.offers.chunking and not self._session.lmtp

    async def _at_once(self) -> Delivery:
        content = as_text(b"".join(_pieces(self._submission.content)))
        commands = self._judgement.envelope()
        await self._conversation.listen()
        data = self._conversation.prepare(commands) + self._conversation.prepare_chunk(content)
        until = await self._conversation.write_content(data, "BDAT")
        try:
            for command in commands:
                reply = await self._conversation.hear(command.verb, until)
                self._replies.append(reply)
                if reply.code == 421:
                    self._conversation.broken = True
                    return Delivery.failed(self._judgement.refusal())
            reply = await self._conversation.hear_verdict(until)
        except MailwardError as error:
            return self._lost(error)
        if not reply.positive:
            self._session.unsettled = True
        return self._judgement.verdict(reply)

    async def _with_data(self) -> Delivery:
        await self._envelope(Data())
        promised, accepted = self._replies[-1].intermediate, self._judgement.accepted
        if promised and not accepted:
            await self._session.say_nothing()
        if not promised or not accepted:
            return Delivery.failed(self._judgement.refusal())
        return await self._content()

    async def _envelope(self, *last: Command) -> None:
        """Says it, and hears what comes of it."""
        try:
            await self._say_envelope([*self._judgement.envelope(), *last])
        except ProtocolError:
            if not self._judgement.replies or self._replies[0].positive:
                raise  # else the refusal of MAIL is the better answer; what came after it makes no sense

    async def _say_envelope(self, commands: list[Command]) -> None:
        size = GROUP if self._session.offers.pipelining else 1
        for start in range(0, len(commands), size):
            group = commands[start : start + size]
            if start and (self._conversation.broken or not self._worth(group[0])):
                return
            await self._conversation.ask_all(group, self._replies)

    def _worth(self, command: Command) -> bool:
        """Whether to go on with `command`: MAIL was taken and, before DATA, a recipient."""
        return self._replies[0].positive and (isinstance(command, Rcpt) or self._judgement.accepted)

    async def _content(self) -> Delivery:
        lmtp = self._session.lmtp
        count = sum(reply.positive for reply in self._replies[1:-1]) if lmtp else 1
        until = await self._conversation.say_content(self._submission.content, verdicts=count)
        try:
            replies = [await self._conversation.hear_verdict(until) for _ in range(count)]
        except MailwardError as error:
            return self._lost(error)
        return self._judgement.verdicts(replies) if lmtp else self._judgement.verdict(replies[0])

    async def _in_chunks(self) -> Delivery:
        await self._envelope()
        if self._conversation.broken or not self._judgement.accepted:
            return Delivery.failed(self._judgement.refusal())
        try:
            reply = await self._say_chunks()
        except BaseException:
            self._conversation.broken = True  # some of the content has left, and what is left cannot follow
            raise
        return self._lost(reply) if isinstance(reply, MailwardError) else self._judgement.verdict(reply)

    async def _say_chunks(self) -> Reply | MailwardError:
        """The reply that decided, or why there is none though all has left."""
        ahead = _AHEAD if self._session.offers.pipelining else 1
        waiting: deque[float] = deque()
        for chunk, last in _chunks(self._submission.content):
            if self._conversation.quiet:
                await self._conversation.listen()
            data = self._conversation.prepare_chunk(chunk, last=last)
            waiting.append(await self._conversation.write_content(data, "BDAT"))
            while not last and len(waiting) >= ahead:
                reply = await self._conversation.hear("BDAT", waiting.popleft())
                if not reply.positive:
                    return await self._broken_off(reply, waiting)
        return await self._last_chunk(waiting)

    async def _last_chunk(self, waiting: deque[float]) -> Reply | MailwardError:
        refused: Reply | None = None
        try:
            while len(waiting) > 1:
                reply = await self._conversation.hear("BDAT", waiting.popleft())
                refused = refused or (None if reply.positive else reply)
            last = await self._conversation.hear_verdict(waiting.popleft())
        except MailwardError as error:
            return refused or error
        self._session.unsettled = not last.positive or refused is not None
        return refused or last

    async def _broken_off(self, refused: Reply, waiting: deque[float]) -> Reply:
        """No other chunk is said, and those on the way are answered too (RFC 3030 §2)."""
        self._session.unsettled = True
        with suppress(MailwardError):
            while waiting:
                await self._conversation.hear("BDAT", waiting.popleft())
        return refused

    def _lost(self, error: MailwardError) -> Delivery:
        """All has left, and no reply came."""
        if self._judgement.hopeless:
            return Delivery.failed(self._judgement.refusal())
        unknown = self._judgement.unknown(error)
        unknown.__cause__ = error
        return Delivery.failed(unknown)


def _chunks(content: bytes | Octets) -> Iterator[tuple[bytes, bool]]:
    """Pieces that end with a line, and whether one is the last."""
    kept = b""
    for piece in _pieces(content):
        if len(kept) >= _CHUNK:
            yield as_text(kept), False
            kept = b""
        kept += piece
    yield as_text(kept), True


def _pieces(content: bytes | Octets) -> Iterator[bytes]:
    if not isinstance(content, bytes):
        yield from content.pieces()
        return
    start = 0
    while start < len(content):
        end = content.find(b"\r\n", start + _CHUNK) + 2
        end = end if end > 1 else len(content)
        yield content[start:end]
        start = end
