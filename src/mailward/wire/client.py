"""The client's half of SMTP without I/O (RFC 5321, RFC 2920): commands become bytes, bytes become replies in order."""

from __future__ import annotations

from collections import deque
from typing import Final

from mailward.errors import BadSequence, ProtocolError, StartTlsInjection
from mailward.wire.command import Auth, Bdat, Command, Data, Ehlo, Helo, Quit, StartTls
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply, ReplyParser
from mailward.wire.response import encode_base64
from mailward.wire.state import AuthResponse, EndOfChunk, EndOfContent, State, Step, check, settle
from mailward.wire.transparency import stuff

_POSITIVE: Final[dict[type, tuple[int, ...]]] = {
    Auth: (235, 334),
    AuthResponse: (235, 334),
    Data: (354,),
    StartTls: (220,),
    Quit: (221,),
}
_COMPLETED: Final = (250, 251, 252, 211, 214)


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
        self._in_flight: deque[Step | None] = deque([None])  # None: the greeting

    @property
    def unread(self) -> bool:
        """Bytes are here that nobody asked for."""
        return not self._in_flight and self._parser.pending

    def send(self, command: Command) -> bytes:
        """Raises BadSequence for a command that cannot be legal now, ProtocolError when the server spoke unasked."""
        self._refuse_unread()
        check(self._ahead, command)
        if not isinstance(command, Bdat):
            self._expect(command)
        return command.encode()

    def send_response(self, response: bytes | None) -> bytes:
        """One line of a SASL exchange; None cancels it."""
        self._refuse_unread()
        step = AuthResponse(response)
        check(self.state, step)
        self._in_flight.append(step)
        return b"*\r\n" if response is None else f"{encode_base64(response)}\r\n".encode()

    def send_content(self, content: bytes) -> bytes:
        """The whole content after 354, with transparency and the final dot."""
        self._refuse_unread()
        data = stuff(content)
        check(self.state, EndOfContent())
        self._in_flight.append(EndOfContent())
        return data

    def send_chunk(self, chunk: bytes, *, last: bool) -> bytes:
        """A BDAT command and its octets (RFC 3030)."""
        command = self.send(Bdat(len(chunk), last))
        self._expect(EndOfContent() if last else EndOfChunk())
        return command + chunk

    def receive_data(self, data: bytes) -> None:
        self._parser.feed(data)

    def next_reply(self) -> Reply | None:
        """The next reply, for the oldest command in flight. Raises ProtocolError for one that cannot be."""
        reply = self._parser.next_reply()
        if reply is None:
            return None
        if not self._in_flight:
            if reply.code == 421:
                self.state = self._ahead = State.CLOSED
                return reply
            raise ProtocolError(f"the server spoke unasked: {reply}", code=reply.code)
        step = self._in_flight.popleft()
        if step is None:
            self._greeted(reply)
        else:
            self._settle(step, reply)
        if not self._in_flight:
            self._ahead = self.state
        return reply

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
        self._ahead = settle(self._ahead, step, 354 if isinstance(step, Data) else 250)

    def _refuse_unread(self) -> None:
        if self.unread:
            raise ProtocolError("the server sent a reply before it was asked")

    def _greeted(self, reply: Reply) -> None:
        if reply.code < 400 and reply.code != 220:
            raise ProtocolError(f"not a greeting: {reply}", phase="greeting", code=reply.code)
        self.state = State.CONNECTED if reply.code == 220 else State.CLOSED

    def _settle(self, step: Step, reply: Reply) -> None:
        if reply.code < 400 and reply.code not in _POSITIVE.get(type(step), _COMPLETED):
            name = getattr(step, "verb", "the content").upper()
            raise ProtocolError(
                f"reply {reply.code} cannot answer {name}: {reply}", phase=name.lower(), code=reply.code
            )
        if reply.code < 300:
            try:
                check(self.state, step)
            except BadSequence as problem:
                raise ProtocolError(f"the server accepted what it cannot: {problem}", code=reply.code) from problem
        self.state = settle(self.state, step, reply.code)
        if isinstance(step, Ehlo) and reply.positive:
            self.keywords = Keywords.parse(reply)
        elif isinstance(step, Helo) and reply.positive:
            self.keywords = Keywords.none()
