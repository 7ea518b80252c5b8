"""Commands and replies over one stream, each within its time: the voice of every client flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.errors import ConnectionLost, DeadlineExceeded, MailwardError, ProtocolError
from mailward.net.ports import too_late
from mailward.wire.client import ClientProtocol
from mailward.wire.command import Quit, StartTls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.options import Timeout
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
        data = b"".join([self._protocol.send(command) for command in commands])
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
        await self._write(self._protocol.send_response(response), until, "AUTH")
        return await self._reply("AUTH", until)

    async def starttls(self) -> Reply:
        """After a 220 the handshake must follow at once: StartTlsInjection if anything else did."""
        reply = await self.ask(StartTls())
        if reply.positive:
            self._protocol.receive_data(await self.stream.take() or b"")
            self._protocol.starttls_done()
        return reply

    async def say_content(self, content: bytes) -> float:
        """Sends the content and its final dot, which has not left if this raises. Gives when to stop waiting."""
        await self._listen()
        until = self._moment(self._timeout.data)
        await self._write(self._protocol.send_content(content), until, "DATA")
        return until

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
            if (reply := self._protocol.next_reply()) is not None:
                return reply
            if until is None:
                until = self._moment(self._timeout.command)
            while (reply := self._protocol.next_reply()) is None:
                data = await self.stream.read(_READ, within=self._left(until))
                if not data:
                    raise ConnectionLost("the server closed the connection")
                self._protocol.receive_data(data)
        except MailwardError as error:
            self._spoil(error, step)
            raise
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
