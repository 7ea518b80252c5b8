"""The server's half of SMTP without I/O (RFC 5321): bytes become commands and content, replies become bytes.

The driver's loop is: `receive_data(bytes)`; while `next_event()` gives something, answer it with `send_reply` (Content
wants no answer); write `data_to_send()`. Until an event is answered `next_event` gives nothing, so a pipelined group
is understood one command at a time and its replies leave together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from mailward.errors import BadCommand, BadSequence, ProtocolError
from mailward.wire import reply as replies
from mailward.wire.buffer import BadLineEnd, LineBuffer, LineTooLong
from mailward.wire.command import Bdat, Command, Mail, StartTls, is_foreign, parse_command
from mailward.wire.content import Content, IncomingContent
from mailward.wire.parameters import Body
from mailward.wire.reply import Reply
from mailward.wire.response import parse_response
from mailward.wire.state import AuthResponse, EndOfChunk, EndOfContent, State, check, settle

COMMAND_LIMIT: Final = 512  # RFC 5321 §4.5.3.1.4, CRLF included
EXTENDED_LIMIT: Final = 512 + 26 + 17 + 500 + 10 + 130  # with SIZE, BODY, AUTH= (RFC 4954 §5), SMTPUTF8, DSN
AUTH_LIMIT: Final = 12288  # RFC 4954 §4
_DEAF: Final = (State.CLOSED, State.HANDSHAKE)
_LONG_VERBS: Final = {b"MAIL": EXTENDED_LIMIT, b"RCPT": EXTENDED_LIMIT, b"AUTH": AUTH_LIMIT}


@dataclass(frozen=True, slots=True)
class Violation:
    """The client broke the protocol: give `reply`; the connection ends with it when `fatal`."""

    reply: Reply
    fatal: bool = False


Event: TypeAlias = Command | AuthResponse | Content | EndOfChunk | EndOfContent | Violation


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """`content`: octets of a message. `text_line`: octets of a text line with its CRLF, None for any.

    `chunks`: BDAT commands in one transaction.
    """

    content: int = 36_700_160
    text_line: int | None = None
    chunks: int = 10_000


class ServerProtocol:
    """One session of the server role."""

    def __init__(self, limits: ServerLimits, *, chunking: bool = True) -> None:
        self.state = State.GREETING
        self._limits = limits
        self._chunking = chunking
        self._buffer = LineBuffer()
        self._out: list[bytes] = []
        self._pending: Command | AuthResponse | EndOfChunk | EndOfContent | Violation | None = None
        self._content: IncomingContent | None = None
        self._unwanted = 0  # octets of a refused chunk still to be read past
        self._unwanted_reply: Violation | None = None
        self._smtputf8 = False
        self._binary = False

    def receive_data(self, data: bytes) -> None:
        self._buffer.feed(data)

    @property
    def buffered(self) -> int:
        """Octets received and not yet understood."""
        return len(self._buffer)

    @property
    def unsent(self) -> int:
        """Replies that wait to be written."""
        return len(self._out)

    def data_to_send(self) -> bytes:
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    def greet(self, reply: Reply) -> None:
        """The first reply: 220, or the refusal of the connection."""
        self._out.append(reply.encode())
        self.state = State.CONNECTED if reply.code == 220 else State.CLOSED

    def send_reply(self, reply: Reply) -> None:
        """Answer the event that waits; without one only 421 makes sense (RFC 5321 §3.8)."""
        pending, self._pending = self._pending, None
        self._out.append(reply.encode())
        if pending is None or isinstance(pending, Violation):
            if reply.code == 421 or (pending is not None and pending.fatal):
                self.state = State.CLOSED
            return
        self.state = settle(self.state, pending, reply.code)
        if isinstance(pending, EndOfContent) and pending.fatal:
            self.state = State.CLOSED
        elif self.state is State.READY:
            self._content = None
        elif self.state is State.DATA:
            self._incoming().begin_data(line_limit=self._limits.text_line)
        elif isinstance(pending, Mail):
            self._smtputf8 = pending.parameters.smtputf8
            self._binary = pending.parameters.body is Body.BINARY_MIME

    def tls_started(self) -> None:
        """The handshake is done: what was said before is forgotten (RFC 3207 §4.2)."""
        self.state = State.CONNECTED
        self._content = None

    def next_event(self) -> Event | None:
        """What the client said next; None when more bytes, or a reply, are needed first."""
        if self._pending is not None or not self._buffer or self.state in _DEAF:
            return None
        event: Event | None
        if self._unwanted_reply is not None:
            event = self._skip_unwanted(self._unwanted_reply)
        elif self._content is not None and (self.state is State.DATA or self._content.in_chunk):
            event = self._content.read(self._buffer)
        else:
            event = self._read_line()
        if event is not None and not isinstance(event, Content):
            self._pending = event
        return event

    def _incoming(self) -> IncomingContent:
        if self._content is None:
            self._content = IncomingContent(limit=self._limits.content, text=not self._binary)
        return self._content

    def _read_line(self) -> Event | None:
        if self.state is State.AUTHENTICATING:
            return self._read_response()
        if self.state is State.CONNECTED and is_foreign(self._buffer.peek(COMMAND_LIMIT).partition(b"\n")[0]):
            return Violation(replies.NOT_SMTP, fatal=True)  # now: a TLS hello has no line end to wait for
        try:
            line = self._buffer.line(self._line_limit())
            return None if line is None else self._understood(parse_command(line, smtputf8=self._smtputf8))
        except LineTooLong as problem:
            return Violation(replies.LINE_TOO_LONG, fatal=not problem.complete)
        except BadLineEnd:
            return Violation(replies.BAD_LINE_END)
        except BadSequence:
            return Violation(replies.BAD_SEQUENCE)
        except BadCommand as problem:
            return Violation(Reply.of(problem), fatal=problem.fatal)

    def _understood(self, command: Command) -> Event | None:
        if isinstance(command, Bdat):
            return self._begin_chunk(command)
        check(self.state, command)
        if isinstance(command, StartTls) and self._buffer:
            return Violation(replies.STARTTLS_INJECTION, fatal=True)
        return command

    def _line_limit(self) -> int:
        """Of the line that begins here; the verb decides, and need not be looked at while there is less."""
        if len(self._buffer) <= COMMAND_LIMIT:
            return COMMAND_LIMIT
        return _LONG_VERBS.get(self._buffer.peek(4).upper(), COMMAND_LIMIT)

    def _read_response(self) -> AuthResponse | Violation | None:
        try:
            line = self._buffer.line(AUTH_LIMIT)
            if line is None:
                return None
            return AuthResponse(parse_response(line))
        except LineTooLong:
            return Violation(replies.LINE_TOO_LONG, fatal=True)
        except (BadLineEnd, ProtocolError):
            return AuthResponse(None)  # RFC 4954 §4: what cannot be decoded fails the exchange with 501, as "*" does

    def _begin_chunk(self, command: Bdat) -> Event | None:
        """Whatever the verdict, the octets after BDAT are a chunk and never commands (RFC 3030 §2)."""
        content = self._content
        if not self._chunking or command.size > self._limits.content:
            return Violation(replies.BAD_SEQUENCE if not self._chunking else replies.TOO_BIG, fatal=True)
        try:
            check(self.state, command)
        except BadSequence:
            self._unwanted = command.size
            self._unwanted_reply = Violation(replies.BAD_SEQUENCE)
            return self._skip_unwanted(self._unwanted_reply)
        content = self._incoming()
        if content.chunks >= self._limits.chunks:
            return Violation(replies.TOO_MANY_CHUNKS, fatal=True)
        content.begin_chunk(command.size, last=command.last)
        return content.read(self._buffer)

    def _skip_unwanted(self, reply: Violation) -> Violation | None:
        self._unwanted -= len(self._buffer.take(self._unwanted))
        if self._unwanted:
            return None
        self._unwanted_reply = None
        return reply
