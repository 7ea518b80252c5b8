"""Commands and replies over one stream, each within its time: the voice of every client flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.client.observer import HIDDEN
from mailward.errors import ConnectionLost, DeadlineExceeded, MailwardError, ProtocolError
from mailward.net.ports import too_late
from mailward.wire.client import ClientProtocol
from mailward.wire.command import Quit, StartTls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailward.client.observer import SessionObserver
    from mailward.client.options import Timeout
    from mailward.message.octets import Octets
    from mailward.net.ports import Ports, Stream
    from mailward.wire.command import Command
    from mailward.wire.keyword import Keywords
    from mailward.wire.reply import Reply
    from mailward.wire.state import State

_READ = 65536
_GOODBYE = 1.0  # seconds a server may take to answer QUIT; nothing depends on it


class Conversation:
    """`until`: when the present call must be over, in `ports.now()`; None for never.

    `broken`: something went wrong in it, so that nothing more may be said.
    """

    def __init__(self, stream: Stream, ports: Ports, timeout: Timeout, *, until: float | None) -> None:
        self.stream = stream
        self.until = until
        self.broken = False
        self.observer: SessionObserver | None = None
        self._ports = ports
        self._timeout = timeout
        self._protocol = ClientProtocol()

    @property
    def keywords(self) -> Keywords:
        return self._protocol.keywords

    @property
    def state(self) -> State:
        return self._protocol.state

    async def interrupted(self) -> bool:
        """Whether the server said something unasked, or left, since the last reply. Never waits."""
        return self._protocol.unread or await self.stream.take() is not None

    async def greeting(self) -> Reply:
        try:
            return await self._reply("the greeting", self._moment(self._timeout.greeting))
        except (DeadlineExceeded, ConnectionLost) as error:
            error.advice = 'if this port expects TLS from the first octet, as 465 does, use tls="implicit" or smtps://'
            raise

    async def ask(self, command: Command) -> Reply:
        replies: list[Reply] = []
        await self.ask_all((command,), replies)
        return replies[0]

    async def ask_all(self, commands: Sequence[Command], replies: list[Reply]) -> None:
        """Says `commands` at once (RFC 2920) and adds their replies to `replies`, fewer if the server says 421."""
        await self._listen()
        data = self.prepare(commands)
        await self._write(data, self._moment(self._timeout.command), commands[0].verb)
        for command in commands:
            reply = await self._reply(command.verb)
            replies.append(reply)
            if reply.code == 421:
                self.broken = True
                return

    async def respond(self, response: bytes | None) -> Reply:
        """One SASL response; None cancels the exchange."""
        await self._listen()
        until = self._moment(self._timeout.command)
        if self.observer is not None:
            self.observer.said(HIDDEN)
        await self._write(self._protocol.send_response(response), until, "AUTH")
        return await self._reply("AUTH", until)

    async def starttls(self) -> Reply:
        """After a 220 the handshake must follow at once: StartTlsInjection if anything else did."""
        reply = await self.ask(StartTls())
        if reply.positive:
            self._protocol.receive_data(await self.stream.take() or b"")
            self._protocol.starttls_done()
        return reply

    async def say_content(self, content: bytes | Octets, *, verdicts: int = 1) -> float:
        """Sends the content and its final dot, which has not left if this raises. Gives when to stop waiting."""
        await self._listen()
        if isinstance(content, bytes):
            return await self.write_content(self._protocol.send_content(content, verdicts=verdicts))
        try:
            for piece in content.pieces():
                await self.write_content(self._protocol.send_lines(piece))
            return await self.write_content(self._protocol.end_content(verdicts=verdicts))
        except BaseException:
            self.broken = True  # in the middle of the content nothing else can be said
            raise

    async def write_content(self, data: bytes, step: str = "DATA") -> float:
        """Writes what `prepare`, `prepare_content` and `prepare_chunk` gave. Gives when to stop waiting for a reply."""
        if self.observer is not None:
            self.observer.said(f"({len(data)} octets)", len(data))
        until = self._moment(self._timeout.data)
        await self._write(data, until, step)
        return until

    @property
    def quiet(self) -> bool:
        """Nothing that was said waits for its reply."""
        return self._protocol.idle

    async def listen(self) -> None:
        """Before something is prepared while it is quiet: raises if the server spoke unasked, or left."""
        await self._listen()

    def prepare(self, commands: Iterable[Command]) -> bytes:
        """The octets of `commands`, which must then be written with what is prepared after them."""
        if self.observer is not None:
            commands = tuple(commands)
            for command in commands:
                self.observer.said(command.redacted())
        try:
            return b"".join([self._protocol.send(command) for command in commands])
        except MailwardError:
            self.broken = True  # those before the bad one wait for replies that will not come
            raise

    def prepare_content(self, content: bytes) -> bytes:
        """The content after a 354, and its final dot."""
        return self._protocol.send_content(content)

    def prepare_chunk(self, chunk: bytes, *, last: bool = True) -> bytes:
        """BDAT and its octets, which must have been through `as_text`."""
        return self._protocol.send_chunk(chunk, last=last)

    async def hear(self, step: str, until: float | None = None) -> Reply:
        """The reply to the oldest command that has none."""
        return await self._reply(step, until)

    async def hear_more(self, step: str) -> list[Reply]:
        """Every reply that is here, and if none is, waits for some."""
        try:
            if replies := self._protocol.next_replies():
                return self._told(replies)
            until = self._moment(self._timeout.data)
            while not (replies := self._protocol.next_replies()):
                data = await self.stream.read(_READ, within=self._left(until))
                if not data:
                    raise ConnectionLost("the server closed the connection")
                self._protocol.receive_data(data)
        except MailwardError as error:
            self._spoil(error, step)
            raise
        return self._told(replies)

    async def hear_rest(self) -> list[Reply]:
        """After something went wrong: the replies that are here all the same. Never waits."""
        try:
            while data := await self.stream.take():
                self._protocol.receive_data(data)
            return self._told(self._protocol.next_replies())
        except MailwardError:
            return []

    def _told(self, replies: list[Reply]) -> list[Reply]:
        if self.observer is not None:
            for reply in replies:
                self.observer.heard(reply)
        return replies

    async def hear_verdict(self, until: float) -> Reply:
        """The reply to the content."""
        return await self._reply("the end of the content", until)

    async def quit(self) -> None:
        """Ends the session in order if that is quick; whatever goes wrong changes nothing."""
        self.until = self._moment(_GOODBYE)
        try:
            await self.ask(Quit())
            await self.stream.close()
        except MailwardError:
            self.stream.abort()
        except BaseException:
            self.stream.abort()
            raise
        finally:
            self.closed()

    def closed(self) -> None:
        """Tells who listens, once."""
        if self.observer is not None:
            self.observer.happened("closed")
            self.observer = None

    def _moment(self, seconds: float) -> float:
        """`seconds` from now, or the end of the call if that is sooner."""
        moment = self._ports.now() + seconds
        return moment if self.until is None or moment < self.until else self.until

    async def _listen(self) -> None:
        """Before we speak: a server that spoke, or left, unasked is not heard out."""
        data = await self.stream.take()
        if data is None and not self._protocol.unread:
            return
        self.broken = True
        self._protocol.receive_data(data or b"")
        reply = self._protocol.next_reply()
        if reply is not None:
            raise ConnectionLost(f"the server ended the session: {reply}", code=reply.code)
        if data == b"":
            raise ConnectionLost("the server closed the connection")
        raise ProtocolError("the server spoke unasked")

    async def _write(self, data: bytes, until: float, step: str) -> None:
        try:
            await self.stream.write(data, within=self._left(until))
        except MailwardError as error:
            self._spoil(error, step)
            raise

    async def _reply(self, step: str, until: float | None = None) -> Reply:
        """`step`: what the reply answers. `until`: the time of a command from now, if it is not here yet."""
        try:
            if (reply := self._next_reply()) is not None:
                return reply
            if until is None:
                until = self._moment(self._timeout.command)
            while (reply := self._next_reply()) is None:
                data = await self.stream.read(_READ, within=self._left(until))
                if not data:
                    raise ConnectionLost("the server closed the connection")
                self._protocol.receive_data(data)
        except MailwardError as error:
            self._spoil(error, step)
            raise
        return reply

    def _next_reply(self) -> Reply | None:
        reply = self._protocol.next_reply()
        if self.observer is not None and reply is not None:
            self.observer.heard(reply)
        return reply

    def _left(self, until: float) -> float:
        left = until - self._ports.now()
        if left <= 0:
            raise too_late("waiting for the server")
        return left

    def _spoil(self, error: MailwardError, step: str) -> None:
        """Nothing more can be said; the error learns where it happened."""
        self.broken = True
        error.phase = step.rpartition(" ")[2].lower()
        error.message = f"{error.message} (at {step})"
        error.args = (error.message,)
