"""Run a server dialogue through `ServerProtocol` with a small model session, cut in any way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailward.wire import reply as replies
from mailward.wire.command import Auth, Data, Ehlo, Mail, Quit, StartTls
from mailward.wire.content import Content
from mailward.wire.reply import Reply
from mailward.wire.server import ServerLimits, ServerProtocol, Violation
from mailward.wire.state import AuthResponse, EndOfChunk, EndOfContent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailward.wire.server import Event


@dataclass
class Transcript:
    """What came of a dialogue: the octets the server said, and the messages it would have kept."""

    said: bytes = b""
    messages: list[bytes] = field(default_factory=list)
    closed: bool = False


class ModelSession:
    """Accepts everything that is legal."""

    def __init__(self, limits: ServerLimits | None = None, *, chunking: bool = True) -> None:
        self.protocol = ServerProtocol(limits or ServerLimits(), chunking=chunking)
        self.transcript = Transcript()
        self._content = b""
        self.protocol.greet(replies.greeting("server.test"))

    def feed(self, data: bytes) -> None:
        if self.transcript.closed:
            return
        self.protocol.receive_data(data)
        while (event := self.protocol.next_event()) is not None:
            if isinstance(event, Content):
                self._content += event.data
                continue
            self.protocol.send_reply(self._answer(event))
            if isinstance(event, Violation | EndOfContent) and event.fatal:
                self.transcript.closed = True
                break
            if isinstance(event, Quit):
                self.transcript.closed = True
        self.transcript.said += self.protocol.data_to_send()

    def _answer(self, event: Event) -> Reply:
        match event:
            case Violation():
                return event.reply
            case AuthResponse():
                return replies.AUTH_OK if event.data else replies.AUTH_FAILED
            case Mail():
                self._content = b""
            case EndOfChunk():
                self._content += event.data
            case EndOfContent() if event.fault is None:
                self.transcript.messages.append(self._content + event.data)
            case _:
                pass
        if isinstance(event, EndOfChunk | EndOfContent):
            return event.fault or replies.OK
        return _ANSWERS.get(type(event), replies.OK)


_ANSWERS: dict[type, Reply] = {
    Ehlo: replies.ehlo("server.test", ("PIPELINING",)),
    Data: replies.SEND_CONTENT,
    Auth: replies.challenge(b""),
    StartTls: replies.READY_FOR_TLS,
    Quit: replies.BYE,
}


def run(pieces: Iterable[bytes], limits: ServerLimits | None = None, *, chunking: bool = True) -> Transcript:
    """The transcript of a dialogue whose client bytes arrive as `pieces`."""
    session = ModelSession(limits, chunking=chunking)
    for piece in pieces:
        session.feed(piece)
    return session.transcript


def whole(data: bytes) -> list[bytes]:
    return [data]


def by_line(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def by_octet(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]
