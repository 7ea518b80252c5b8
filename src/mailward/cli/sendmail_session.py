"""SMTP on standard input and output, as programs speak it with `sendmail -bs`: each message is sent before its 250."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mailward.errors import MailwardError, RecipientsRefused, ReplyError
from mailward.printable import printable
from mailward.wire import reply as replies
from mailward.wire.address import Mailbox
from mailward.wire.command import Data, Ehlo, Helo, Help, Mail, Noop, Quit, Rcpt, Rset
from mailward.wire.content import Content
from mailward.wire.keyword import Keywords
from mailward.wire.parameters import Body
from mailward.wire.reply import Reply
from mailward.wire.server import ServerLimits, ServerProtocol, Violation
from mailward.wire.state import EndOfContent, State

if TYPE_CHECKING:
    from typing import BinaryIO

    from mailward.client.facade_sync import Client
    from mailward.wire.server import Event

_HOST: Final = "localhost"
_MOST_RECIPIENTS: Final = 1000
_LIMITS: Final = ServerLimits()
_READ: Final = 65536
_LONGEST: Final = 400  # characters of a reply's text


def serve(client: Client, source: BinaryIO, sink: BinaryIO) -> None:
    """Until QUIT or the end of `source`."""
    session = _Session(client)
    protocol = ServerProtocol(_LIMITS, chunking=False)
    protocol.greet(replies.greeting(_HOST))
    while True:
        sink.write(protocol.data_to_send())
        sink.flush()
        if protocol.state is State.CLOSED:
            return
        data = source.read1(_READ) if hasattr(source, "read1") else source.read(_READ)
        if not data:
            return
        protocol.receive_data(data)
        while (event := protocol.next_event()) is not None:
            reply = session.handle(event)
            if reply is not None:
                protocol.send_reply(reply)


class _Session:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._sender: Mailbox | None = None
        self._recipients: list[Mailbox] = []
        self._content: list[bytes] = []

    def handle(self, event: Event) -> Reply | None:
        if isinstance(event, Content):
            self._content.append(event.data)
            return None
        handler = _HANDLERS.get(type(event))
        return replies.NOT_IMPLEMENTED if handler is None else handler(self, event)

    def _hello(self, event: Ehlo | Helo) -> Reply:
        self._reset()
        return _EHLO if isinstance(event, Ehlo) else replies.helo(_HOST)

    def _mail(self, event: Mail) -> Reply:
        asked = event.parameters
        if asked.asks_extensions or asked.body is Body.BINARY_MIME or asked.key is not None:
            return replies.UNKNOWN_PARAMETER  # what would be forgotten, such as REQUIRETLS, is not accepted
        self._reset()
        self._sender = event.reverse_path
        return replies.SENDER_OK

    def _rset(self, _event: Rset) -> Reply:
        self._reset()
        return replies.OK

    def _recipient(self, event: Rcpt) -> Reply:
        if event.parameters.notify or event.parameters.orcpt:
            return replies.UNKNOWN_PARAMETER
        if not event.forward_path.domain:
            return replies.BAD_RECIPIENT
        if len(self._recipients) >= _MOST_RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS
        self._recipients.append(event.forward_path)
        return replies.RECIPIENT_OK

    def _sent(self, event: EndOfContent) -> Reply:
        """What the server said of it, so that the program hears the truth."""
        content = b"".join([*self._content, event.data])
        sender, recipients = self._sender, tuple(self._recipients)
        self._reset()
        if event.fault is not None:
            return event.fault
        try:
            receipt = self._client.send(content, sender="" if sender is None else str(sender), recipients=recipients)
            receipt.raise_for_recipients()
        except MailwardError as error:
            return _refusal(error)
        return replies.queued(receipt.queue_id or "sent")

    def _reset(self) -> None:
        self._sender, self._recipients, self._content = None, [], []


def _refusal(error: MailwardError) -> Reply:
    """The server's own word on the message; for all else, later or not at all."""
    text = printable(error.message, _LONGEST)
    if error.outcome == "partial":
        return Reply(554, f"Sent to some, so do not repeat it; {text}", "5.5.0")
    if isinstance(error, ReplyError | RecipientsRefused) and error.code and (error.code < 500) is error.retryable:
        return Reply(error.code, text, error.enhanced_code)
    return Reply(451, text, "4.4.0") if error.retryable else Reply(554, text, "5.5.0")


_EHLO: Final = replies.ehlo(
    _HOST,
    Keywords.build(pipelining=True, eightbitmime=True, smtputf8=True, enhanced_status_codes=True, size=_LIMITS.content),
)
_HANDLERS: Final[dict[type, Callable[[_Session, Any], Reply]]] = {
    EndOfContent: _Session._sent,
    Violation: lambda _session, event: event.reply,
    Ehlo: _Session._hello,
    Helo: _Session._hello,
    Mail: _Session._mail,
    Rcpt: _Session._recipient,
    Data: lambda _session, _event: replies.SEND_CONTENT,
    Rset: _Session._rset,
    Noop: lambda _session, _event: replies.OK,
    Help: lambda _session, _event: replies.HELP,
    Quit: lambda _session, _event: replies.BYE,
}
