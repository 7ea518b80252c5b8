"""What this server answers to each thing a client says (RFC 5321 §4.1.1, RFC 6409 §3-6).

The session holds state; the protocol has already refused what is malformed or out of order. An answer is a Reply, or
one that comes Later when it must wait for a hash or for the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailward.guard.source import canonical_source
from mailward.login.peer import Peer
from mailward.server.authentication import Authentication
from mailward.server.later import Later
from mailward.server.queue.intake import Envelope, Incoming, Origin
from mailward.wire import reply as replies
from mailward.wire.address import Mailbox
from mailward.wire.command import (
    Auth,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    XClient,
)
from mailward.wire.parameters import Body
from mailward.wire.reply import Reply
from mailward.wire.server import Event, Violation
from mailward.wire.state import AuthResponse, EndOfChunk, EndOfContent

if TYPE_CHECKING:
    from mailward.accounts.account import Account
    from mailward.server.door import Door
    from mailward.server.services import Services

Verdict = Reply | Later
_IDLE_COMMANDS = 100  # as Postfix's smtpd_junk_command_limit


@dataclass(slots=True)
class Transaction:
    """One mail transaction: envelope = reverse-path + forward-paths."""

    mail: Mail
    forward_paths: dict[str, Mailbox] = field(default_factory=dict)
    incoming: Incoming | None = None


class Session:
    """One connection's conversation. `ended`: the reply just given was the last."""

    def __init__(self, services: Services, door: Door, peer: str) -> None:
        self._services = services
        self._door = door
        self.source = canonical_source(peer)
        self.id = services.new_id()
        self._ended = False
        self._authentication = Authentication(services)
        self._certificate: bytes | None = None
        self._relayed = False
        self.tls: str | None = None
        self._ehlo: str | None = None
        self._relayed_ehlo: str | None = None
        self._extended = False
        self._transaction: Transaction | None = None
        self._known_origin: Origin | None = None
        self._mistakes = 0
        self._idle_commands = 0
        self._without_login = self.source in services.relay_without_login

    @property
    def account(self) -> Account | None:
        """Who is logged in."""
        return self._authentication.account

    @property
    def ended(self) -> bool:
        return self._ended or self._authentication.ended

    @property
    def trusted(self) -> bool:
        """Logged in, or from a network that need not."""
        return self.account is not None or self._without_login

    @property
    def patience(self) -> float | None:
        """Seconds the client has for what it must say next, where that is less than usual: a response of a login."""
        return self._authentication.patience

    def handle(self, event: Event) -> Verdict:
        handler = _HANDLERS[type(event)]
        return handler(self, event)

    def content(self, data: bytes) -> None:
        """A piece of the content; what becomes of it is answered at its end."""
        self._incoming().add(data)

    def secured(self, version: str, cipher: str, certificate: bytes | None = None) -> None:
        """TLS is up: everything said before is forgotten, who it was included (RFC 3207 §4.2)."""
        self.tls = f"{version} {cipher}"
        self._certificate = None if self._relayed else certificate
        self._ehlo = None
        self._authentication.forget()
        self._known_origin = None
        self._reset()

    def lost(self) -> None:
        """The connection is gone. A guess under way is judged to its end, or hanging up would make it free."""
        self._reset()
        self._authentication.lost()

    def _reset(self) -> None:
        if self._transaction is not None and self._transaction.incoming is not None:
            self._transaction.incoming.discard()
        self._transaction = None

    # commands

    def _on_violation(self, event: Violation) -> Reply:
        return event.reply if event.fatal else self._mistake(event.reply)

    def _mistake(self, reply: Reply) -> Reply:
        """Count a command that leads nowhere; too many end the session (RFC 5321 §7.8)."""
        self._mistakes += 1
        if self._mistakes < self._services.limits.commands_bad:
            return reply
        self._ended = True
        return replies.TOO_MANY_ERRORS

    def _on_ehlo(self, event: Ehlo) -> Reply:
        self._reset()
        self._ehlo, self._extended, self._known_origin = event.domain, True, None
        offer = self._offer()
        return self._idle_talk(replies.with_xclient(offer) if self.source in self._door.xclient else offer)

    def _offer(self) -> Reply:
        door = self._door
        if self.tls is None:
            return door.ehlo_plain
        if self.account is not None:
            return door.ehlo_logged_in
        return door.ehlo_secured if self._certificate is None else door.ehlo_certified

    def _on_helo(self, event: Helo) -> Reply:
        self._reset()
        self._ehlo, self._extended, self._known_origin = event.domain, False, None
        return self._idle_talk(replies.helo(self._door.hostname))

    def _on_xclient(self, event: XClient) -> Reply:
        """A trusted proxy names its client: from here on the session is that client's, whose word is not trusted."""
        if self.source not in self._door.xclient:
            return self._mistake(replies.REFUSED)
        self._reset()
        self._authentication.forget()
        self._ehlo, self._relayed_ehlo, self._known_origin = None, event.value("HELO"), None
        self._relayed, self._certificate = True, None  # it was the proxy's, and so is one that it shows later
        self._without_login = False  # so was the network, if the client's is not known
        if event.address is not None:
            self.source = canonical_source(event.address)
            self._without_login = self.source in self._services.relay_without_login
        return self._door.greeting

    def _on_starttls(self, _event: StartTls) -> Reply:
        if not self._door.starttls or self.tls is not None:
            return self._mistake(replies.BAD_SEQUENCE if self._door.starttls else replies.NOT_IMPLEMENTED)
        self._reset()
        return replies.READY_FOR_TLS

    def _on_auth(self, event: Auth) -> Verdict:
        if self.tls is None:
            return self._mistake(self._authentication.exposed(self._peer(), event.mechanism))
        if self.account is not None or not self._extended:
            return self._mistake(replies.BAD_SEQUENCE)
        if event.mechanism not in self._door.mechanisms_for(certificate=self._certificate is not None):
            return self._mistake(replies.UNKNOWN_MECHANISM)
        self._known_origin = None
        return self._authentication.begin(self._peer(), event.mechanism, event.initial_response)

    def _on_auth_response(self, event: AuthResponse) -> Verdict:
        return self._authentication.respond(event.data)

    def _peer(self) -> Peer:
        door = self._door
        return Peer(
            source=self.source,
            listener=door.name,
            session=self.id,
            tls=self.tls,
            bindings=door.bindings,
            certificate=self._certificate,
        )

    def _on_mail(self, event: Mail) -> Reply:
        refusal = self._authentication.renewed() or self._may_send(event)
        if refusal is not None:
            return refusal
        self._transaction = Transaction(event)
        self._idle_commands = 0
        return replies.SENDER_OK

    def _may_send(self, event: Mail) -> Reply | None:
        parameters = event.parameters
        if self._door.starttls and self.tls is None:
            return self._mistake(replies.NEED_STARTTLS)
        if not self.trusted:
            return self._mistake(replies.NEED_AUTH if self.tls is not None else replies.REFUSED)
        if parameters.asks_extensions or parameters.body is Body.BINARY_MIME:
            return replies.UNKNOWN_PARAMETER
        if parameters.size is not None and parameters.size > self._door.size:
            return replies.TOO_BIG
        if not self._owns(event.reverse_path):
            return replies.SENDER_NOT_YOURS
        if not self._services.intake.has_room(parameters.size or 0):
            return replies.NO_SPACE
        return None

    def _owns(self, reverse_path: Mailbox | None) -> bool:
        """The null path is nobody's, so anyone may use it (RFC 5321 §4.5.5)."""
        return self.account is None or reverse_path is None or self.account.may_send_as(reverse_path)

    def _on_rcpt(self, event: Rcpt) -> Reply:
        transaction = self._now()
        if event.parameters.notify or event.parameters.orcpt:
            return replies.UNKNOWN_PARAMETER
        mailbox = event.forward_path
        if not mailbox.domain:  # <postmaster> (RFC 5321 §4.5.1)
            mailbox = Mailbox(mailbox.local_part, self._door.hostname)
        paths = transaction.forward_paths
        if mailbox.key not in paths and len(paths) >= self._door.recipients:
            return replies.TOO_MANY_RECIPIENTS
        paths.setdefault(mailbox.key, mailbox)
        return replies.RECIPIENT_OK

    def _on_data(self, _event: Data) -> Reply:
        return replies.SEND_CONTENT

    def _on_end_of_chunk(self, event: EndOfChunk) -> Reply:
        if event.fault is not None:
            self._reset()
            return event.fault
        self._incoming().add(event.data)
        return replies.CHUNK_OK

    def _on_end_of_content(self, event: EndOfContent) -> Verdict:
        if event.fault is not None:
            self._reset()
            return event.fault
        incoming = self._incoming()
        incoming.add(event.data)
        self._transaction = None
        return incoming.commit()

    def _on_rset(self, _event: Rset) -> Reply:
        self._reset()
        return self._idle_talk(replies.OK)

    def _on_noop(self, _event: Noop) -> Reply:
        return self._idle_talk(replies.OK)

    def _on_help(self, _event: Help) -> Reply:
        return self._idle_talk(replies.HELP)

    def _idle_talk(self, reply: Reply) -> Reply:
        """A command that brings no mail nearer: a hundred of them in a row are an occupation, not a conversation."""
        self._idle_commands += 1
        if self._idle_commands <= _IDLE_COMMANDS:
            return reply
        self._ended = True
        return replies.TOO_MANY_ERRORS

    def _on_vrfy(self, _event: Vrfy) -> Reply:
        return self._mistake(replies.CANNOT_VERIFY)

    def _on_expn(self, _event: Expn) -> Reply:
        return self._mistake(replies.NOT_IMPLEMENTED)

    def _on_quit(self, _event: Quit) -> Reply:
        return replies.BYE

    # helpers of the above

    def _now(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("the protocol let a transaction command through without MAIL")
        return self._transaction

    def _incoming(self) -> Incoming:
        transaction = self._now()
        if transaction.incoming is None:
            transaction.incoming = self._services.intake.begin(self._envelope(transaction))
        return transaction.incoming

    def _envelope(self, transaction: Transaction) -> Envelope:
        parameters = transaction.mail.parameters
        reverse_path = transaction.mail.reverse_path
        return Envelope(
            self._origin(),
            "" if reverse_path is None else str(reverse_path),
            tuple([str(mailbox) for mailbox in transaction.forward_paths.values()]),
            parameters.smtputf8,
            parameters.body is Body.EIGHT_BIT_MIME,
            parameters.key,
        )

    def _origin(self) -> Origin:
        if self._known_origin is None:
            self._known_origin = Origin(
                account=None if self.account is None else self.account.name,
                source=str(self.source),
                ehlo=self._relayed_ehlo or self._ehlo or "",
                extended=self._extended,
                tls=self.tls,
                listener=self._door.name,
                session=self.id,
            )
        return self._known_origin


_HANDLERS: dict[type, Callable[[Session, Any], Verdict]] = {
    Violation: Session._on_violation,
    Ehlo: Session._on_ehlo,
    Helo: Session._on_helo,
    StartTls: Session._on_starttls,
    Auth: Session._on_auth,
    AuthResponse: Session._on_auth_response,
    Mail: Session._on_mail,
    Rcpt: Session._on_rcpt,
    Data: Session._on_data,
    EndOfChunk: Session._on_end_of_chunk,
    EndOfContent: Session._on_end_of_content,
    Rset: Session._on_rset,
    Noop: Session._on_noop,
    Help: Session._on_help,
    Vrfy: Session._on_vrfy,
    Expn: Session._on_expn,
    XClient: Session._on_xclient,
    Quit: Session._on_quit,
}
