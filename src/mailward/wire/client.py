"""The client's half of SMTP without I/O (RFC 5321, RFC 2920): commands become bytes, bytes become replies in order."""

from __future__ import annotations

from collections import deque
from typing import Final

from mailward.errors import BadSequence, ProtocolError, StartTlsInjection
from mailward.wire.command import Auth, Bdat, Command, Data, Ehlo, Helo, Lhlo, Quit, StartTls, XClient
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply, ReplyParser
from mailward.wire.response import encode_base64
from mailward.wire.state import AuthResponse, EndOfChunk, EndOfContent, State, Step, check, settle
from mailward.wire.transparency import as_text, stuff, stuff_lines

_POSITIVE: Final[dict[type, tuple[int, ...]]] = {
    Auth: (235, 334),
    AuthResponse: (235, 334),
    Data: (354,),
    StartTls: (220,),
    Quit: (221,),
    XClient: (220,),
}
_END: Final = EndOfContent()
# What was legal once, and where it led: for these, kind and code decide alone (all but EHLO's keywords).
_AHEAD: Final[dict[tuple[State, type], State]] = {}
_MOVED: Final[dict[tuple[State, type, int], State]] = {}
_COMPLETED: Final = (250, 251, 252, 211, 214)


class _Further:
    """Another reply to the same content: LMTP has one for each recipient (RFC 2033 §4.2)."""


class ClientProtocol:
    """One session of the client role.

    Legality is checked when a command is sent, on the state the session will have if every command in flight is
    accepted; the real `state` moves with the replies. `keywords` are those of the last EHLO.
    """

    def __init__(self) -> None:
        self.state = State.GREETING
        self.keywords = Keywords.none()
        self._ahead = State.GREETING
        self._parser = ReplyParser()
        self._fault: ProtocolError | None = None
        self._in_flight: deque[Step | _Further | None] = deque([None])  # None: the greeting

    @property
    def unread(self) -> bool:
        """Bytes are here that nobody asked for."""
        return not self._in_flight and self._parser.pending

    @property
    def idle(self) -> bool:
        """Nothing that was said waits for its reply."""
        return not self._in_flight

    def send(self, command: Command) -> bytes:
        """Raises BadSequence for a command that cannot be legal now, ProtocolError when the server spoke unasked."""
        if not self._in_flight:
            self._refuse_unread()
        kind = type(command)
        if (self._ahead, kind) not in _AHEAD:
            check(self._ahead, command)
        data = command.encode()
        if kind is not Bdat:
            self._expect(command)
        return data

    def send_response(self, response: bytes | None) -> bytes:
        """One line of a SASL exchange; None cancels it."""
        self._refuse_unread()
        step = AuthResponse(response)
        check(self.state, step)
        self._in_flight.append(step)
        return b"*\r\n" if response is None else f"{encode_base64(response)}\r\n".encode()

    def send_content(self, content: bytes, *, verdicts: int = 1) -> bytes:
        """The whole content after 354, with transparency and the final dot; `verdicts`: how many replies it gets."""
        data = stuff(content)
        return data[:-3] + self.end_content(verdicts=verdicts)

    def send_lines(self, lines: bytes) -> bytes:
        """Some whole lines of the content after 354, with transparency."""
        self._refuse_unread()
        check(self.state, _END)
        return stuff_lines(as_text(lines))

    def end_content(self, *, verdicts: int = 1) -> bytes:
        """The final dot."""
        self._refuse_unread()
        check(self.state, _END)
        self._expect(_END)
        self._in_flight.extend([_Further()] * (verdicts - 1))
        return b".\r\n"

    def send_chunk(self, chunk: bytes, *, last: bool) -> bytes:
        """A BDAT command and its octets (RFC 3030), as they are."""
        command = self.send(Bdat(len(chunk), last))
        self._expect(_END if last else EndOfChunk())
        return command + chunk

    def receive_data(self, data: bytes) -> None:
        self._parser.feed(data)

    def next_reply(self) -> Reply | None:
        """The next reply, for the oldest command in flight. Raises ProtocolError for one that cannot be."""
        if self._fault is not None:
            raise self._fault
        reply = self._parser.next_reply()
        if reply is None:
            return None
        if not self._in_flight:
            if reply.code == 421:
                self.state = self._ahead = State.CLOSED
                return reply
            raise ProtocolError(f"the server spoke unasked: {reply}", code=reply.code)
        step = self._in_flight.popleft()
        moved = _MOVED.get((self.state, type(step), reply.code))
        if moved is not None:
            self.state = moved
        elif step is None:
            self._greeted(reply)
        elif isinstance(step, _Further):
            self._check_code(_END, reply)
        else:
            self._settle(step, reply)
        if not self._in_flight:
            self._ahead = self.state
        return reply

    def next_replies(self) -> list[Reply]:
        """Every reply that is here. What is wrong with one is raised once those before it are given."""
        replies: list[Reply] = []
        try:
            while (reply := self.next_reply()) is not None:
                replies.append(reply)
        except ProtocolError as error:
            if not replies:
                raise
            self._fault = error
        return replies

    def starttls_done(self) -> None:
        """After the 220, before the handshake: nothing may be left, and what EHLO said is forgotten (RFC 3207 §4.2)."""
        if self._parser.pending:
            raise StartTlsInjection(
                "bytes followed the reply to STARTTLS: someone on the path writes into the plaintext",
                phase="starttls",
                advice="do not use this network path; the server or a middlebox is compromised",
            )
        self.state = self._ahead = State.CONNECTED
        self.keywords = Keywords.none()

    def _expect(self, step: Step) -> None:
        self._in_flight.append(step)
        key = (self._ahead, type(step))
        ahead = _AHEAD.get(key)
        if ahead is None:
            ahead = _AHEAD[key] = settle(self._ahead, step, 354 if isinstance(step, Data) else 250)
        self._ahead = ahead

    def _refuse_unread(self) -> None:
        if self.unread:
            raise ProtocolError("the server sent a reply before it was asked")

    def _greeted(self, reply: Reply) -> None:
        if reply.code < 400 and reply.code != 220:
            raise ProtocolError(f"not a greeting: {reply}", phase="greeting", code=reply.code)
        self.state = State.CONNECTED if reply.code == 220 else State.CLOSED

    def _check_code(self, step: Step, reply: Reply) -> None:
        if reply.code < 400 and reply.code not in _POSITIVE.get(type(step), _COMPLETED):
            name = getattr(step, "verb", "the content").upper()
            raise ProtocolError(
                f"reply {reply.code} cannot answer {name}: {reply}", phase=name.lower(), code=reply.code
            )

    def _settle(self, step: Step, reply: Reply) -> None:
        self._check_code(step, reply)
        if reply.code < 300:
            try:
                check(self.state, step)
            except BadSequence as problem:
                raise ProtocolError(f"the server accepted what it cannot: {problem}", code=reply.code) from problem
        before, self.state = self.state, settle(self.state, step, reply.code)
        if not isinstance(step, Ehlo | Helo | Lhlo):
            _MOVED[before, type(step), reply.code] = self.state
        elif reply.positive:
            self.keywords = Keywords.none() if isinstance(step, Helo) else Keywords.parse(reply)
